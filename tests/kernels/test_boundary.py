"""Where Python and the native kernels meet: read-only and far-away memory, refusals, instruction sets."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.kernel_cases import (
    NOBODY_ASKS,
    UNIT,
    all_results,
    assert_same,
    backend,
    backend_names,
    evaluated,
    every_native,
    improved,
    local_search,
    make_case,
    native,
    nothing_cut,
    proposed,
    reference,
)

import couponry
from couponry.kernels import FILL, Rules, Shard, available

needs_native = pytest.mark.skipif(available()["native"] != "yes", reason="needs the native kernels")


@every_native
def test_inputs_may_be_read_only(name: str) -> None:
    case = make_case(1, rules=2, attributes=2)
    expected = all_results(reference(), case)
    for array in (*case.shard, *case.rules, *case.rows, case.price, case.exact, case.reduced,
                  case.objective, case.item_helps):  # fmt: skip
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
    with backend(name) as module:
        assert_same(all_results(module, case), expected)


FAR = 2**31 + 7  # the first candidate that anybody looks at


def sparse(path: Path, dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
    """An array of zeros that takes no room, on disk or in memory, where nobody writes."""
    # as a plain array: a subclass would be compiled for anew by Numba
    return np.asarray(np.memmap(path, dtype, "w+", shape=shape))


@pytest.mark.parametrize("name", ["reference", *backend_names()])
def test_candidates_beyond_2_to_the_31(name: str, tmp_path: Path) -> None:
    near = make_case(2, customers=30, attributes=2, rules=1, ties=True, upper=4)
    e = FAR + len(near.shard.item)
    item = sparse(tmp_path / "item", np.uint16, (e,))
    quantity = sparse(tmp_path / "quantity", np.uint16, (2, e))
    exact = sparse(tmp_path / "exact", np.float64, (2, e))
    chosen = sparse(tmp_path / "chosen", np.uint8, (e,))
    regret = sparse(tmp_path / "regret", np.float64, (e,))
    item[FAR:], quantity[:, FAR:] = near.shard.item, near.shard.quantity
    exact[:, FAR:] = near.exact
    shard = near.shard._replace(indptr=near.shard.indptr + FAR, item=item, quantity=quantity)

    expected = all_results(reference(), near)
    usage = np.zeros(near.price.shape, np.int64)
    with backend(name) as module:
        module.evaluate(
            shard,
            near.rules,
            near.price,
            near.seed,
            0,
            30,
            usage,
            chosen[FAR:],
            UNIT,
            nothing_cut(),
        )
        found = {"usage": usage, "chosen": chosen[FAR:].copy()}
        module.regret(shard, near.rules, exact, near.reduced, chosen, near.seed, 0, 30, regret)
        found["regret"] = regret[FAR:]
        assert_same(found, {key: expected[key] for key in found})
        if name != "numba":  # for its compiling time
            far = replace(near, shard=shard, exact=exact)
            search = local_search(far, FILL, np.zeros(len(near.rows.lower)), chosen)
            moves = proposed(module, far, search)
            improved(module, far, search, moves, 1000, True)


@every_native
def test_counts_beyond_the_packed_tally(name: str) -> None:
    # counts and sums share 64 bits and are moved out in time: 2^24 candidates would overflow the count
    n = 17 * 2**20
    shard = Shard(
        first=0,
        indptr=np.array([0, n // 2, n], np.int64),
        item=np.zeros(n, np.uint16),
        quantity=np.full((1, n), 65535, np.uint16),
        segment=np.zeros(1, np.uint16),
    )
    everything = Rules(
        lower=np.zeros(1, np.int32),
        upper=np.full(1, n, np.int32),
        group=np.empty((0, 1), np.int32),
        groups=0,
        cap=np.empty((0, 1), np.int32),
    )
    usage = np.zeros((2, 1, 1), np.int64)
    with backend(name) as module:
        price = np.ones((2, 1, 1), np.float32)
        module.evaluate(shard, everything, price, 0, 0, 2, usage, NOBODY_ASKS, UNIT, nothing_cut())
        assert usage.ravel().tolist() == [n, n * 65535]
        # nothing but their positions tells these candidates apart
        all_but_one = everything._replace(upper=np.full(1, n // 2 - 1, np.int32))
        chosen = np.zeros(n, np.uint8)
        module.evaluate(shard, all_but_one, price, 0, 0, 2, usage, chosen, UNIT, nothing_cut())
    assert usage[0, 0, 0] == n + n - 2
    left_out = np.flatnonzero(chosen == 0)
    assert left_out.tolist() == [n // 2 - 1, n - 1]  # the last of each customer


@every_native
def test_refuses_other_types(name: str) -> None:
    case = make_case(1)
    usage = np.zeros(case.price.shape, np.int64)
    wrong: dict[str, Any] = {
        "item": case.shard.item.astype(np.int64),
        "indptr": case.shard.indptr.astype(np.int32),
        "quantity": case.shard.quantity.astype(np.float32),
    }
    with backend(name) as module:
        for field, array in wrong.items():
            shard = case.shard._replace(**{field: array})
            with pytest.raises(ValueError, match="dtype"):
                module.evaluate(
                    shard, case.rules, case.price, 0, 0, 1, usage, NOBODY_ASKS, UNIT, nothing_cut()
                )
        usage.setflags(write=False)
        with pytest.raises(ValueError, match="read-only"):
            module.evaluate(
                case.shard, case.rules, case.price, 0, 0, 1, usage, NOBODY_ASKS, UNIT, nothing_cut()
            )


@needs_native
def test_names_what_it_runs_on() -> None:
    assert native().compiler().split()[0] in ("gcc", "clang")
    names = native().instruction_sets()
    assert names[-1] == "baseline" and native().instruction_set() in names


@needs_native
@pytest.mark.parametrize("wanted", ["", "baseline", "avx1024"])
def test_the_environment_chooses_the_instruction_set(wanted: str) -> None:
    code = "from couponry.kernels import _native; print(_native.instruction_set())"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"COUPONRY_ISA": wanted},
        capture_output=True,
        text=True,
        check=False,
    )
    if wanted == "avx1024":
        assert run.returncode != 0
        assert "COUPONRY_ISA: expected one of" in run.stderr and "'avx1024'" in run.stderr
    else:
        assert run.stdout.strip() == (wanted or native().instruction_sets()[0])


@pytest.mark.skipif(available()["numba"] != "yes", reason="needs numba")
def test_numba_takes_the_place_of_native_kernels_that_were_not_built(tmp_path: Path) -> None:
    package = Path(couponry.__file__).parent
    shutil.copytree(package, tmp_path / "couponry", ignore=shutil.ignore_patterns("*.so", "*.pyd"))
    code = "from couponry import kernels; print(kernels.load().name)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(tmp_path), "COUPONRY_BACKEND": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "numba"
    assert "installed without its native kernels" in run.stderr


@every_native
def test_the_bare_read_reads_every_byte(name: str) -> None:
    data = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)
    data.setflags(write=False)
    with backend(name) as module:
        for start, stop in (0, 0), (0, 5000), (3, 4), (1, 9), (7, 4999), (5000, 5000):
            part = data[start:stop].tobytes()
            words = np.frombuffer(part + bytes(-len(part) % 8), "<u8")
            assert module.read_bytes(data, start, stop) == int(words.sum(dtype=np.uint64))
        with pytest.raises(ValueError, match="start, stop"):
            module.read_bytes(data, 0, 5001)


@pytest.mark.parametrize("name", ["reference", *backend_names()])
def test_evaluates_nobody(name: str) -> None:
    with backend(name) as module:
        for case in make_case(0, customers=0), make_case(0, lengths=np.zeros(5, np.int64)):
            usage, chosen = evaluated(module, case)
            assert not usage.any() and len(chosen) == 0
