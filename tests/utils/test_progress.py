"""Events, who is told of them, and the token that cancels."""

from __future__ import annotations

import logging
import sys
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from couponry import Cancelled, CancelToken, InvalidInput, ProgressEvent, watch
from couponry.engines.workers import share_out
from couponry.utils.clock import Clock
from couponry.utils.parallel import parallel_map
from couponry.utils.progress.own_thread import on_own_thread
from couponry.utils.progress.reporters import bar_html, reporter
from couponry.utils.progress.watch import current_watch, go_on, shielded


def test_a_bar_is_filled_as_the_gap_falls_to_what_is_asked() -> None:
    gaps = (1.0, 0.1, 0.01, 1e-3, 1e-4, 1e-6)
    filled = [ProgressEvent("dual", gap=gap, asked_gap=1e-4).done for gap in gaps]
    assert filled == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0, 1.0])
    assert ProgressEvent("dual").done is None and ProgressEvent("dual", share=0.3).done == 0.3
    assert ProgressEvent("dual", gap=1e-3, asked_gap=0.0).done == pytest.approx(1 / 3)
    assert ProgressEvent("dual", gap=2.0, asked_gap=2.0).done == 1.0


def test_an_event_is_one_line() -> None:
    said = str(ProgressEvent("dual", "a\nb", gap=0.01, asked_gap=0.001, seconds=2.0))
    assert said == r"dual: a\nb, gap 0.01 of 0.001 asked, 2.0 s"
    assert "&lt;i&gt;" in bar_html(ProgressEvent("dual", "<i>")) and "value" not in bar_html(
        ProgressEvent("dual")
    )


def test_a_notebook_gets_one_bar_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    class Handle:
        def update(self, what: Any) -> None:
            drawn.append(what._repr_html_())

    def display(what: Any, display_id: bool) -> Handle:
        assert display_id and not drawn
        drawn.append(what._repr_html_())
        return Handle()

    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))  # type: ignore[arg-type]
    with reporter(True) as report:
        assert report is not None
        report(ProgressEvent("pack"))
        report(ProgressEvent("dual"))
        report(ProgressEvent("dual", "too soon to be drawn"))
    assert len(drawn) == 2 and "pack" in drawn[0] and "dual" in drawn[1]


def test_lines_have_the_time(capsys: pytest.CaptureFixture[str]) -> None:
    with watch(progress=True):
        go_on("fit", "step 1")
    stamp, said = capsys.readouterr().err.split(" fit: ")
    assert len(stamp) == len("2026-11-29 02:00:00") and said.startswith("step 1, 0.")


def test_no_line_says_that_a_stage_begins_once_more(capsys: pytest.CaptureFixture[str]) -> None:
    with watch(progress=True):
        for stage, message in [
            ("dual", ""),
            ("dual", ""),
            ("dual", "70 off"),
            ("dual", ""),
            ("rounding", ""),
        ]:
            go_on(stage, message)
        go_on("rounding", share=0.5)
    said = [line.split(" ", 2)[2] for line in capsys.readouterr().err.splitlines()]
    assert [line.rsplit("0.", 1)[0] for line in said] == [
        "dual: ", "dual: 70 off, ", "rounding: ", "rounding: 50%, "
    ]  # fmt: skip


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

        def fileno(self) -> int:
            return 2

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with reporter(True) as report:
        assert report is not None
        report(ProgressEvent("rounding", gap=0.01, asked_gap=0.001))
    assert "rounding" in terminal.getvalue() and "gap 0.01 of 0.001" in terminal.getvalue()


def test_the_log_carries_every_event(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what checks imports disables all loggers that there are
    monkeypatch.setattr(logging.getLogger("couponry"), "disabled", False)
    told: list[ProgressEvent] = []
    with caplog.at_level(logging.INFO, "couponry"), watch(progress=told.append):
        clock = Clock(now=lambda: 3.0)
        with clock.stage("dual"):
            clock.stands(10.0, 9.0, 0.1)
            clock.say("half way", 0.5)
    assert [record.progress for record in caplog.records] == told  # type: ignore[attr-defined]
    assert (told[1].bound, told[1].objective, told[1].gap, told[1].share) == (10.0, 9.0, 0.1, 0.5)
    assert logging.getLogger("couponry").handlers == []


def test_the_inner_watch_wins_and_the_outer_one_comes_back() -> None:
    outer: list[ProgressEvent] = []
    inner: list[ProgressEvent] = []
    token = CancelToken()
    with watch(progress=outer.append, cancel=token):
        with watch(progress=inner.append):
            go_on("inner")
            assert current_watch().cancel is token
        with watch():
            go_on("outer")
        with shielded():
            token.cancel()
            go_on("shielded")
        with pytest.raises(Cancelled):
            go_on("cancelled")
    assert [e.stage for e in inner] == ["inner"]
    assert [e.stage for e in outer] == ["outer", "shielded"]
    go_on("nobody")
    assert current_watch().cancel is None


@pytest.mark.parametrize("threads", [1, 3])
def test_passes_end_between_blocks(threads: int) -> None:
    token, done = CancelToken(), []

    def work(worker: int, start: int, stop: int) -> None:
        done.append(start)
        token.cancel()

    with watch(cancel=token), pytest.raises(Cancelled):
        share_out(work, np.arange(200), threads)
    assert len(done) <= threads


def test_maps_end_between_parts() -> None:
    token, done = CancelToken(), []

    def work(part: int) -> int:
        done.append(part)
        if part == 3:
            token.cancel()
        return part

    with watch(cancel=token), pytest.raises(Cancelled):
        list(parallel_map(work, range(1000), 2))
    assert len(done) < 20


def test_work_that_cannot_be_interrupted_is_left_behind() -> None:
    assert on_own_thread(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        on_own_thread(lambda: 1 // 0)
    token, begun, goes_on, ended = CancelToken(), *(threading.Event() for _ in range(3))

    def work() -> None:
        begun.set()
        goes_on.wait()
        ended.set()

    def cancel() -> None:
        begun.wait()
        token.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(Cancelled), watch(cancel=token):
        on_own_thread(work)
    assert not ended.is_set()
    goes_on.set()
    canceller.join()
    assert ended.wait(60)


def test_what_one_thread_watches_is_nothing_to_another() -> None:
    seen: list[Any] = []
    with watch(cancel=CancelToken()):
        thread = threading.Thread(target=lambda: seen.append(current_watch().cancel))
        thread.start()
        thread.join()
    assert seen == [None]


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(InvalidInput, match="progress: expected True, False or a callable"):
        watch(progress="yes").__enter__()  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="cancel: expected a CancelToken"):
        watch(cancel=True).__enter__()  # type: ignore[arg-type]
    token = CancelToken()
    assert "not" in repr(token) and not token.is_cancelled
    token.check()
    token.cancel()
    with pytest.raises(Cancelled):
        token.check()
