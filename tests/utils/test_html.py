"""Tables for notebooks: what is in them, and that nothing in them is taken for markup."""

from html.parser import HTMLParser

from couponry.utils.html import Cell, facts_table, rows_table


class Read(HTMLParser):
    """Tags, texts and attributes of an HTML text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.attributes = [], [], {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.update(attrs)

    def handle_data(self, data):
        self.texts.append(data)


def test_facts_are_one_a_row():
    text = facts_table([("campaign", "spring"), ("gap", "0.01%")])
    assert text == (
        "<table><tr><th>campaign</th><td>spring</td></tr><tr><th>gap</th><td>0.01%</td></tr></table>"
    )
    assert facts_table({"campaign": "spring", "gap": "0.01%"}) == text


def test_rows_stand_under_a_head():
    text = rows_table(("a", "b"), [(1, 1234.5678901), (None, "x")], caption="c")
    assert text == (
        "<table><caption>c</caption><tr><th>a</th><th>b</th></tr>"
        "<tr><td>1</td><td>1,234.57</td></tr><tr><td></td><td>x</td></tr></table>"
    )


def test_facts_span_the_rows_below_them():
    text = rows_table(("a", "b", "c"), [("1", Cell("2", "why"), "3")], facts=[("name", "it")])
    assert '<td colspan="2">it</td>' in text and '<td title="why">2</td>' in text


def test_markup_in_what_is_shown_is_escaped():
    evil = "<script>alert(\"1\" + '2')</script> & co"
    text = rows_table((evil,), [(evil,), (Cell(evil, evil),)], caption=evil, facts=[(evil, evil)])
    read = Read(text)
    assert "script" not in read.tags and read.attributes["title"] == evil
    assert read.texts == [evil] * 6
