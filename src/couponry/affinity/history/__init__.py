"""Purchase histories: grouped from transactions or aggregates, and updated week by week."""
