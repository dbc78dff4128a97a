"""A parallel map: order, laziness, errors."""

import threading
import time

import pytest

from couponry.utils.parallel import parallel_map, work_in_turns, worker_count


def test_results_come_in_the_order_of_the_parts():
    def slow_at_first(part):
        time.sleep(0.02 if part == 0 else 0.0)
        return part * part

    assert list(parallel_map(slow_at_first, range(20), 3)) == [n * n for n in range(20)]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_parts_are_taken_only_as_threads_get_free(threads: int):
    taken = []

    def parts():
        for number in range(100):
            taken.append(number)
            yield number

    results = parallel_map(lambda part: part, parts(), threads)
    assert next(results) == 0 and len(taken) == threads + 1
    results.close()
    assert len(taken) == threads + 1


def test_an_error_is_raised_where_its_result_would_come():
    def fails(part):
        if part == 3:
            raise ValueError("three")
        return part

    results = parallel_map(fails, range(10), 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_work_is_done_by_several_threads():
    together = threading.Barrier(2, timeout=600)
    assert list(parallel_map(lambda part: together.wait() >= 0, range(2), 2)) == [True, True]


def test_few_workers(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COUPONRY_THREADS", "2")
    assert worker_count() == 2
    monkeypatch.setenv("COUPONRY_THREADS", "64")
    assert worker_count() == 4


@pytest.mark.parametrize("parts", [0, 1])
def test_a_single_part_starts_no_thread(parts: int) -> None:
    here = threading.get_ident()
    assert list(parallel_map(lambda _: threading.get_ident(), range(parts), 2)) == [here] * parts


@pytest.mark.parametrize("threads", [1, 3])
def test_results_are_taken_in_turns_and_finished_by_their_threads(threads: int) -> None:
    taken, finished = [], {}

    def work(part: int) -> tuple[int, int]:
        time.sleep(0.01 * (part % 3 == 0))
        return part, threading.get_ident()

    def take(done: tuple[int, int]):
        taken.append(done)
        return lambda: finished.update({done[0]: threading.get_ident()})

    work_in_turns(work, take, range(20), threads)
    assert [part for part, _ in taken] == list(range(20))
    assert finished == dict(taken)


@pytest.mark.parametrize("where", ["work", "take", "finish"])
def test_threads_that_wait_for_their_turn_end_with_an_error(where: str) -> None:
    taken = []

    def fail(here: str, part: int) -> None:
        if here == where and part == 4:
            raise ValueError(where)

    def work(part: int) -> int:
        fail("work", part)
        return part

    def take(part: int):
        fail("take", part)
        taken.append(part)
        return lambda: fail("finish", part)

    with pytest.raises(ValueError, match=where):
        work_in_turns(work, take, range(1000), 4)
    assert taken == list(range(len(taken))) and 0 <= len(taken) - 4 < 10


def test_the_first_part_that_fails_is_told_even_if_another_fails_earlier() -> None:
    later_has_failed = threading.Event()

    def work(part: int) -> int:
        if part == 2:
            later_has_failed.set()
            raise ValueError("later")
        assert part == 0 or later_has_failed.wait(600)
        time.sleep(0.01 * part)
        return part

    def take(part: int):
        if part == 1:
            raise ValueError("earlier")
        return lambda: None

    with pytest.raises(ValueError, match="earlier"):
        work_in_turns(work, take, range(3), 3)
