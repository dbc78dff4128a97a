"""Mixed-integer programmes by HiGHS over what prices leave undecided: core, columns, neighbourhoods."""
