"""Tables of users become sorted candidate arrays: read, checked, filtered, sorted, stored."""
