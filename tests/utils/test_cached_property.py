"""A property that one thread works out keeps nobody else waiting: no thread, and no child of a fork."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from couponry.utils.process.cached_property import cached_property


class _Patient:
    """Has a property that is worked out once it is told to be."""

    def __init__(self) -> None:
        self.began, self.may_end = threading.Event(), threading.Event()
        self.times = 0

    @cached_property
    def answer(self) -> int:
        self.times += 1
        self.began.set()
        assert self.may_end.wait(600.0)
        return 42


def _at_once() -> _Patient:
    patient = _Patient()
    patient.may_end.set()
    return patient


def test_it_is_worked_out_once() -> None:
    patient = _at_once()
    assert [patient.answer, patient.answer, patient.times] == [42, 42, 1]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_nobody_waits_for_what_another_thread_works_out() -> None:
    patient = _Patient()
    slow = threading.Thread(target=lambda: patient.answer)
    slow.start()
    try:
        assert patient.began.wait(600.0)
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            os._exit(0 if _at_once().answer == 42 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert _at_once().answer == 42
    finally:
        patient.may_end.set()
        slow.join()
    assert patient.answer == 42
