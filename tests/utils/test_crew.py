"""Threads that wait for work: each call is made once, helpers are used again, and whatever happens they come back."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections.abc import Callable

import pytest

from couponry.utils import crew
from couponry.utils.threads import share_of_threads, thread_count

SECONDS = 60.0


@pytest.fixture(autouse=True)
def _nobody_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins without helpers; those of other tests end in their own time."""
    monkeypatch.setattr(crew, "_idle", type(crew._idle)())


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_each_worker_is_called_once(workers: int) -> None:
    called: list[int] = []
    crew.run_together(called.append, workers)
    assert sorted(called) == list(range(workers))
    assert len(crew._idle) <= workers - 1  # fewer where one was done before the last was called


def test_the_calling_thread_is_worker_0() -> None:
    names: dict[int, int] = {}
    crew.run_together(lambda worker: names.update({worker: threading.get_ident()}), 3)
    assert names[0] == threading.get_ident() and len(set(names.values())) == 3


def test_helpers_are_used_again() -> None:
    threads: set[threading.Thread] = set()
    for _ in range(20):
        crew.run_together(lambda _: threads.add(threading.current_thread()), 4)
    assert threads == {threading.current_thread(), *crew._idle} and len(crew._idle) <= 3


def test_work_within_work() -> None:
    called: list[tuple[int, int]] = []
    crew.run_together(
        lambda outer: crew.run_together(lambda inner: called.append((outer, inner)), 3), 3
    )
    assert sorted(called) == [(outer, inner) for outer in range(3) for inner in range(3)]


def test_several_threads_at_once() -> None:
    start, counts = threading.Barrier(8), [0] * 8

    def keep_calling(caller: int) -> None:
        start.wait(SECONDS)
        for _ in range(50):
            called: list[int] = []
            crew.run_together(called.append, 3)
            counts[caller] += sorted(called) == [0, 1, 2]

    callers = [threading.Thread(target=keep_calling, args=(c,), daemon=True) for c in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(SECONDS)
    assert counts == [50] * 8


def test_an_error_of_worker_0_waits_for_the_others() -> None:
    done = []

    def work(worker: int) -> None:
        if worker == 0:
            raise KeyboardInterrupt
        done.append(worker)

    with pytest.raises(KeyboardInterrupt):
        crew.run_together(work, 4)
    assert sorted(done) == [1, 2, 3]


@pytest.mark.parametrize("is_awake", [False, True])
@pytest.mark.parametrize("at", [1, 2])
def test_nobody_is_left_asleep_when_interrupted(
    at: int, is_awake: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C comes just before one of the first helpers is woken, or just after."""
    wake, interrupted = crew._SharedJob.wake, threading.Event()

    def interrupt(self: crew._SharedJob, worker: int) -> None:
        if is_awake:
            wake(self, worker)
        if worker == at and not interrupted.is_set():
            interrupted.set()
            raise KeyboardInterrupt
        if not is_awake:
            wake(self, worker)

    done: list[int] = []
    with monkeypatch.context() as patched:
        patched.setattr(crew._SharedJob, "wake", interrupt)
        with pytest.raises(KeyboardInterrupt):
            crew.run_together(done.append, 8)
    assert sorted(done) == list(range(1, 8))
    for _ in range(100):  # whoever was woken twice works as ever
        done.clear()
        crew.run_together(done.append, 8)
        assert sorted(done) == list(range(8))


def test_too_few_threads_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    helpers = iter([crew._helper()])

    def no_more() -> crew._Helper:
        for helper in helpers:
            return helper
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(crew, "_helper", no_more)
    done: list[int] = []
    with pytest.raises(RuntimeError, match="can't start new thread"):
        crew.run_together(done.append, 4)
    assert done == [] and len(crew._idle) == 1  # nobody begins


def test_nothing_outlives_the_call() -> None:
    class Large:
        pass

    large = Large()
    gone = weakref.ref(large)
    crew.run_together(lambda _, held=large: None, 3)
    del large
    gc.collect()
    assert gone() is None


def test_helpers_that_nobody_needs_end(monkeypatch: pytest.MonkeyPatch) -> None:
    crew.run_together(lambda _: None, 4)
    helpers = list(crew._idle)
    monkeypatch.setattr(crew, "IDLE_SECONDS", 0.0)
    crew.run_together(lambda _: None, 4)  # after it they wait for no time at all
    for helper in helpers:
        helper.join(SECONDS)
    assert not any(helper.is_alive() for helper in helpers) and not crew._idle
    called: list[int] = []
    crew.run_together(called.append, 4)
    assert sorted(called) == [0, 1, 2, 3]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_has_helpers_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # what is emptied in a child is the package's own list
    crew.run_together(lambda _: None, 3)
    child = os.fork()
    if not child:
        called: list[int] = []
        crew.run_together(called.append, 3)
        os._exit(0 if sorted(called) == [0, 1, 2] else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_two_functions_are_called_at_once_and_the_first_error_is_raised(threads: int) -> None:
    called: list[str] = []

    def fails(name: str) -> Callable[[], None]:
        def call() -> None:
            called.append(name)
            raise ValueError(name)

        return call

    crew.call_together(lambda: called.append("one"), lambda: called.append("other"), threads)
    assert sorted(called) == ["one", "other"]
    called.clear()
    with pytest.raises(ValueError, match="one"):
        crew.call_together(fails("one"), fails("other"), threads)
    assert sorted(called) == (["one"] if threads == 1 else ["one", "other"])
    with pytest.raises(ValueError, match="other"):
        crew.call_together(lambda: None, fails("other"), threads)


def test_two_functions_run_side_by_side() -> None:
    both = threading.Barrier(2, timeout=30)
    crew.call_together(lambda: both.wait() and None, lambda: both.wait() and None, 2)


@pytest.mark.parametrize("threads", [2, 5])
def test_two_functions_share_the_threads(threads: int) -> None:
    used: dict[str, int] = {}
    before = thread_count()
    crew.call_together(
        lambda: used.update(one=thread_count()), lambda: used.update(other=thread_count()), threads
    )
    assert sum(used.values()) == threads and min(used.values()) == threads // 2
    assert thread_count() == before
    crew.run_together(lambda worker: used.update({str(worker): thread_count()}), 2)
    assert used["1"] == before  # helpers have all threads again


def test_what_is_asked_for_counts_whatever_the_share_is() -> None:
    with share_of_threads(1):
        assert thread_count() == 1 and thread_count(3) == 3
        with share_of_threads(2):
            assert thread_count() == 2
        assert thread_count() == 1


def test_the_other_function_waits_for_its_turn() -> None:
    turns, called = threading.Semaphore(0), list[str]()
    begun = threading.Event()

    def one() -> None:
        begun.wait(SECONDS)
        called.append("one")
        turns.release()

    def call() -> None:
        with share_of_threads(3, turns):
            crew.call_together(one, lambda: called.append(f"other of {thread_count()}"), 3)
            assert thread_count() == 3

    thread = threading.Thread(target=call)
    thread.start()
    begun.set()
    thread.join(SECONDS)
    assert called == ["one", "other of 1"]
    assert turns.acquire(blocking=False)  # it was given back
