"""`couponry check`, and what `couponry solve` says of findings."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from couponry.cli import run

TOML = """
schema = 1
[tables]
offers = "offers.parquet"
candidates = "candidates.parquet"
[[limit]]
name = "print run"
where = {{ channel = {channel} }}
max = 3
{more}
"""


def folder(path: Path, channel: str = '"mail"', more: str = "") -> Path:
    pq.write_table(
        pa.table({"offer": [1, 2], "channel": ["mail", "email"]}), path / "offers.parquet"
    )
    pairs = {"customer": [7, 7, 8], "offer": [1, 2, 1], "value": [1.0, 2.0, 3.0]}
    pq.write_table(pa.table(pairs), path / "candidates.parquet")
    (path / "campaign.toml").write_text(TOML.format(channel=channel, more=more))
    return path


def test_nothing_found(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    campaign = folder(tmp_path, more="[[limit]]\nname = 'all'\nmax = 2\n")
    (tmp_path / "campaign.toml").write_text(
        (tmp_path / "campaign.toml").read_text().replace("max = 3", "max = 1")
    )
    assert run(["check", str(campaign)]) == 0
    assert capfd.readouterr() == ("nothing found\n", "")


@pytest.mark.parametrize("channel", ['"mial"', '["mial", "email"]', '"Mail"', '"kiosk"'])
def test_errors(channel: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    campaign = folder(tmp_path, channel)
    assert run(["check", str(campaign)]) == 2
    found = capfd.readouterr()
    assert found.out.startswith("error: limit 'print run': where 'channel': '")
    assert found.err.count("\n") == 1 and found.err.startswith("couponry: error: limit 'print run'")
    assert run(["check", str(campaign), "--json"]) == 2
    (first, *_) = json.loads(capfd.readouterr().out)["findings"]
    assert first["severity"] == "error" and first["place"] == "limit 'print run': where 'channel'"
    assert run(["solve", str(campaign), "--out", str(tmp_path / "out"), "--quiet"]) == 2
    assert capfd.readouterr().err == found.err and not (tmp_path / "out").exists()
    assert run(["verify", str(campaign), str(tmp_path)]) == 2
    assert capfd.readouterr().err == found.err


def test_what_cannot_be_read_is_an_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    campaign = folder(tmp_path, more="[[limit]]\nname = 'print run'\nmax = 2\n")
    assert run(["check", str(campaign), "--json"]) == 2
    (found,) = json.loads(capfd.readouterr().out)["findings"]
    assert found["place"] == "limits" and "called 'print run', too" in found["message"]
    assert run(["check", str(tmp_path / "nowhere")]) == 2


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_solve_says_what_was_found(
    quiet: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    campaign = folder(tmp_path, '["mail", "kiosk"]')
    out = tmp_path / "out"
    assert run(["solve", str(campaign), "--out", str(out), "--json", *quiet]) == 0
    said = capfd.readouterr()
    warning = "couponry: warning: limit 'print run': where 'channel': 'kiosk' does not occur"
    assert said.err.count(warning) == 1
    note = "couponry: note: limit 'print run': max: it can never bind"
    assert said.err.count(note) == (0 if quiet else 1)
    content = json.loads(said.out)
    assert [finding["severity"] for finding in content["findings"]] == ["warning", "note"]
    assert json.loads((out / "result.json").read_text()) == content
    assert run(["check", str(campaign)]) == 0
    assert len(capfd.readouterr().out.splitlines()) == 2
