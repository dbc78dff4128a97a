"""report and export: what a result says, for people and for spreadsheets."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import Solved
from tests.conftest import Ran
from tests.support.pages import parsed

import couponry
from couponry.report.page import report_page

Run = Callable[..., Ran]


def test_report(run: Run, solved: Solved, tmp_path: Path) -> None:
    ran = run("report", *solved, "-o", tmp_path / "page.html", "--quiet")
    assert ran.status == 0 and ran.out == f"{tmp_path / 'page.html'}\n" and ran.err == ""
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page == report_page(couponry.read_result(solved.out, solved.folder))
    more = ("--ranges", "1", "--frontier", "cost.max=90%:100%:2")
    assert run("report", *solved, "-o", tmp_path / "page.html", *more).status == 0
    found = parsed((tmp_path / "page.html").read_text(encoding="utf-8")).with_id("help")
    titles = [figure.all("bdi")[0].text for figure in found.all("figure")]
    assert titles == ["Dearest limits", "What moves of bounds are worth", "What cost is worth"]


def test_report_of_an_infeasible_campaign(
    run: Run, folder: Callable[..., Path], tmp_path: Path
) -> None:
    limits = [{"name": "few", "max": 3}, {"name": "many", "min": 4}]
    path = folder(limit=limits)
    assert run("solve", path, "--out", tmp_path / "out").status == 3
    assert (
        run("report", path, tmp_path / "out", "-o", tmp_path / "page.html", "--quiet").status == 0
    )
    page = parsed((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert list(page.with_id("conflict").rows()) == ["few", "many"]


def test_report_of_a_campaign_that_changed(
    run: Run, solved: Solved, folder: Callable[..., Path]
) -> None:
    ran = run("report", folder(), solved.out, "-o", "page.html")
    assert ran.status == 2 and "changed since" in ran.err and not Path("page.html").exists()


@pytest.mark.parametrize(
    ("page", "says"),
    [("nowhere/page.html", "there is no folder 'nowhere'"), (".", "is a directory")],
)
def test_report_has_a_place(
    page: str, says: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("report", "no-campaign", "no-result", "-o", page)
    assert ran.status == 2 and says in ran.err and list(tmp_path.iterdir()) == []


def test_csv(run: Run, solved: Solved, tmp_path: Path) -> None:
    ran = run("export", solved.out, "--csv", tmp_path / "csv")
    assert ran.status == 0 and ran.out == f"{tmp_path / 'csv'}\n"
    for name, of in (("coupons", "allocation"), ("limits", "limits")):
        expected = pq.read_table(solved.out / f"{of}.parquet")
        options = pa_csv.ConvertOptions(column_types=expected.schema, strings_can_be_null=True)
        assert pa_csv.read_csv(tmp_path / "csv" / f"{name}.csv", convert_options=options).equals(
            expected
        )
    summary = pa_csv.read_csv(tmp_path / "csv" / "summary.csv").to_pydict()
    assert dict(zip(summary["name"], summary["value"], strict=True))["status"] == "optimal"
    assert run("export", solved.out, "--csv", tmp_path / "csv").status == 2
    assert run("export", solved.out, "--csv", tmp_path / "csv", "--overwrite").status == 0


def test_xlsx(run: Run, solved: Solved, tmp_path: Path) -> None:
    pytest.importorskip("xlsxwriter")
    openpyxl = pytest.importorskip("openpyxl")
    path = tmp_path / "result.xlsx"
    assert run("export", solved.out, "--xlsx", path).status == 0
    workbook = openpyxl.load_workbook(path)
    assert workbook.sheetnames == ["summary", "limits", "coupons"]
    rows = list(workbook["coupons"].iter_rows(values_only=True))
    expected = pq.read_table(solved.out / "allocation.parquet")
    assert list(rows[0]) == expected.column_names
    columns = [list(column) for column in zip(*rows[1:], strict=True)]
    for column, values in zip(columns, expected.columns, strict=True):
        assert column == pytest.approx(values.to_pylist(), rel=1e-15)  # 16 digits
    assert run("export", solved.out, "--xlsx", path).status == 2  # it exists
    ran = run("export", solved.out, "--xlsx", tmp_path / "nowhere" / "x.xlsx")
    assert ran.status == 2 and "there is no folder" in ran.err
    assert run("export", solved.out, "--xlsx", path, "--overwrite").status == 0
    assert [each.name for each in tmp_path.iterdir()] == ["result.xlsx"]


def test_text_of_a_workbook_is_text(tmp_path: Path) -> None:
    pytest.importorskip("xlsxwriter")
    openpyxl = pytest.importorskip("openpyxl")
    from couponry.report.spreadsheets import export_xlsx

    evil, large = '=cmd|" /C calc"!A0', 2**53 + 1
    offers = {"offer": [evil, "https://example.org"]}
    candidates = {
        "customer": [large, large + 1],
        "offer": [evil, "https://example.org"],
        "value": [1.0, 2.0],
    }
    result = couponry.Campaign(offers, candidates).solve(threads=1)
    sheet = openpyxl.load_workbook(export_xlsx(result, tmp_path / "x.xlsx"))["coupons"]
    cells = [
        [(cell.value, cell.data_type) for cell in row[:2]] for row in sheet.iter_rows(min_row=2)
    ]
    assert cells[0] == [(str(large), "s"), (evil, "s")] and not sheet["B3"].hyperlink


def test_export_refuses(
    run: Run, solved: Solved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run("export", solved.out)
    assert ran.status == 2 and "expected --csv or --xlsx, got neither" in ran.err
    monkeypatch.setattr("couponry.report.spreadsheets.MOST_ROWS", 3)
    monkeypatch.setitem(sys.modules, "xlsxwriter", sys.modules[__name__])
    monkeypatch.setattr(sys.modules[__name__], "Workbook", None, raising=False)
    ran = run("export", solved.out, "--xlsx", tmp_path / "x.xlsx")
    assert ran.status == 2 and "a sheet of a workbook has 3 rows" in ran.err
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)  # its import fails
    ran = run("export", solved.out, "--xlsx", tmp_path / "x.xlsx")
    assert ran.status == 2 and 'pip install "couponry[xlsx]"' in ran.err
