"""Where in the user's own code couponry was called."""

from __future__ import annotations

from couponry.utils.user_frame import PACKAGE, user_stack_level


def test_frames_of_the_package_are_passed_over() -> None:
    assert user_stack_level() == 1
    scope = {"__name__": f"{PACKAGE}.somewhere", "level": user_stack_level}
    exec("def inner():\n    return level()\ndef outer():\n    return inner()\n", scope)
    assert [scope["inner"](), scope["outer"]()] == [2, 3]
