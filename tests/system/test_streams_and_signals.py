"""Standard streams that are closed, full or not read, and signals: what is written, what is said, how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.campaigns import random_tables, spec, write_folder

import couponry
from couponry import cli

Folder = Callable[..., Path]
HANGS = 600.0  # seconds after which a process counts as hanging


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(
        tmp_path_factory.mktemp("streams") / "campaign", random_tables(customers=8), spec()
    )


def in_shell(streams: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line with its standard streams as a shell redirects them; prints its exit status at the end."""
    words = " ".join(map(str, arguments))
    command = f"{sys.executable} -m couponry {words} {streams}"
    return subprocess.run(
        ["bash", "-c", f'{command}\necho "status ${{PIPESTATUS[0]}}"'],
        capture_output=True,
        text=True,
        timeout=HANGS,
        env={**os.environ, "COUPONRY_THREADS": "1"},
    )


@pytest.mark.parametrize(
    ("streams", "status", "said"),
    [
        ("<&- >&- 2>&-", 0, ""),
        (">/dev/full", 1, "couponry: error: standard output: [Errno 28] No space left on device"),
        ("--quiet | (exec <&-; sleep 0.1)", 141, ""),
    ],
)
def test_a_result_is_written_whatever_becomes_of_what_is_printed(
    streams: str, status: int, said: str, campaign: Path, tmp_path: Path
) -> None:
    ran = in_shell(streams, "solve", campaign, "--out", tmp_path / "out", "--json", "--quiet")
    assert ran.stdout.splitlines()[-1] == f"status {status}"
    assert ran.stderr.strip() == said
    assert couponry.verify_result(campaign, tmp_path / "out").ok


def test_nobody_reads_progress(campaign: Path, tmp_path: Path) -> None:
    ran = in_shell("2>&1 >/dev/null | true", "solve", campaign, "--out", tmp_path / "out")
    assert ran.stdout == "status 0\n" and (tmp_path / "out" / "result.json").exists()


def test_nobody_reads_help() -> None:
    ran = in_shell("| (exec <&-; sleep 0.1)", "--help")
    assert ran.stdout in ("status 141\n", "status 0\n") and ran.stderr == ""


# ---- signals

SENT_TO_ITSELF = """
import os, signal, sys
from couponry import cli
from couponry.campaign_folder import write
sent = [getattr(signal, name) for name in sys.argv.pop(1).split(",")]
def send(path, content):
    try:
        os.kill(os.getpid(), sent[0])
    finally:
        for one in sent[1:]:
            os.kill(os.getpid(), one)
write._write_json = send
cli.main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        ("SIGTERM", 143, "couponry: terminated\n"),
        ("SIGINT,SIGTERM", 130, "couponry: interrupted\n"),
        ("SIGINT,SIGINT,SIGINT", 130, None),  # at once, whatever is left
    ],
)
def test_told_to_end_while_a_result_is_written(
    sent: str, status: int, said: str | None, campaign: Path, tmp_path: Path
) -> None:
    arguments = ["solve", campaign, "--out", tmp_path / "out", "--quiet"]
    ran = subprocess.run(
        [sys.executable, "-c", SENT_TO_ITSELF, sent, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=HANGS,
    )
    assert ran.returncode == status and "Traceback" not in ran.stderr
    if said is not None:
        assert ran.stderr == said
        assert list(tmp_path.iterdir()) == []


def test_interrupted_while_importing() -> None:
    """Every import that the command makes may be the one."""
    code = """
import os, runpy, signal, sys
class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupts())
runpy.run_module("couponry", run_name="__main__", alter_sys=True)
"""
    for module in ("couponry.cli", "pyarrow"):
        ran = subprocess.run(
            [sys.executable, "-c", code, module], capture_output=True, text=True, timeout=HANGS
        )
        assert ran.returncode == 130 and ran.stderr == "couponry: interrupted\n", module


# ---- what nobody foresaw


def test_an_unforeseen_exception_is_one_line(
    campaign: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(*arguments: object, **options: object) -> None:
        raise TypeError("one\nthing " + "x" * 1000)

    monkeypatch.setattr("couponry.cli.about.read_campaign", wrong)
    assert cli.run(["info", str(campaign)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("couponry: internal error: TypeError: one thing xxx")
    assert "COUPONRY_DEBUG=1" in said and said.count("\n") == 1 and len(said) <= 301
    monkeypatch.setenv("COUPONRY_DEBUG", "1")
    assert cli.run(["info", str(campaign)]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_handlers_of_signals_are_those_of_before(campaign: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    assert cli.run(["info"]) == 0
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_the_command_of_the_package_takes_care_of_interrupts_first() -> None:
    project = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text()
    assert 'couponry = "couponry.__main__:main"' in project
    imports_nothing = "import sys, couponry.__main__; print('numpy' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", imports_nothing], capture_output=True, text=True)
    assert found.stdout == "False\n"
