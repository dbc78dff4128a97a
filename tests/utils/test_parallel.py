"""A parallel map: order, laziness, errors."""

import threading
import time

import pytest

from couponry.utils.parallel import parallel_map, worker_count


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
