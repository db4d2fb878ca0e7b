"""The notebooks: each asks a question, answers it from published files alone, names nobody, and says when it may not look."""

import ast
import re
import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from marimo import MarimoStopError

from orchestration import gallery, settings
from orchestration.publish import current
from orchestration.subject import personal_data

FOLDER = settings.ROOT / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
GUIDE = (settings.ROOT / "docs" / "how-to" / "notebooks.md").read_text(encoding="utf-8")
RESTRICTED = {"objections"}
"""Those that ask registry.duckdb."""

OURS = {"name", "contacts"}
"""Names that a mart has for something of people, and a picture for an industry or a count."""

Ran = tuple[tuple[Any, ...], dict[str, Any]]


def files_alone(published_lake: Path, home: Path, *names: str) -> Path:
    """A home with nothing but these published files."""
    version = home / "published" / "20260103T000000Z"
    version.mkdir(parents=True)
    for name in names:
        shutil.copy2(current(published_lake) / f"{name}.duckdb", version)
    (home / "published" / "current").symlink_to(version.name)
    return home


def run(name: str, home: Path) -> Ran:
    """The outputs and the names of a notebook that runs from top to bottom."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KOHDE_HOME", str(home))
        outputs, found = import_module(f"notebooks.{name}").app.run()
        return tuple(outputs), dict(found)


@pytest.fixture(scope="module")
def ran(published_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """Every notebook, run once over what analysts have; those that are restricted also have registry.duckdb."""
    analysts = files_alone(published_lake, tmp_path_factory.mktemp("analysts"), "analyst")
    desk = files_alone(published_lake, tmp_path_factory.mktemp("desk"), "analyst", "registry")
    return {name: run(name, desk if name in RESTRICTED else analysts) for name in NAMES}


@pytest.fixture(scope="module")
def registry(published_lake: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(current(published_lake) / "registry.duckdb"), read_only=True) as db:
        yield db


def rows(chart: Any) -> list[dict[str, Any]]:
    """Everything that is handed to the browser for a picture."""
    return [row for data in chart.to_dict()["datasets"].values() for row in data]


@pytest.mark.parametrize("name", NAMES)
def test_it_begins_with_a_question_and_ends_in_a_picture_that_the_guide_shows(ran: dict[str, Ran], name: str) -> None:
    outputs, found = ran[name]
    (question,) = re.findall(r"<h1[^>]*>(.*?)</h1>", outputs[1].text if outputs[0] is None else outputs[0].text, re.DOTALL)
    assert re.sub(r"<[^>]+>", "", question).strip().endswith("?")
    assert len(rows(found["chart"])) > 3
    assert (settings.ROOT / "docs" / "images" / f"notebook-{name}.png").stat().st_size > 5_000
    assert f"notebook-{name}.png" in GUIDE and f"notebooks/{name}.py" in GUIDE


@pytest.mark.parametrize("name", NAMES)
def test_it_has_one_way_to_the_data(name: str) -> None:
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    told = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)}
    assert told == {"import marimo", "import marimo as mo", "import altair as alt", "from orchestration import gallery"}


@pytest.mark.parametrize("name", NAMES)
def test_nobody_is_named(ran: dict[str, Ran], name: str) -> None:
    keys = {key for row in rows(ran[name][1]["chart"]) for key in row}
    assert not {key for key in keys - OURS if personal_data.kind_of("main", "", key)}


@pytest.mark.parametrize("name", NAMES)
def test_without_its_file_it_ends_with_one_line(published_lake: Path, tmp_path: Path, name: str) -> None:
    outputs, found = run(name, files_alone(published_lake, tmp_path, "marketing"))
    assert "chart" not in found
    file = "registry.duckdb" if name in RESTRICTED else "analyst.duckdb"
    (said,) = [output.text for output in outputs if f"{file} is not among" in getattr(output, "text", "")]
    assert "marketing.duckdb" in said and "Traceback" not in said


def test_nothing_published_is_said_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOHDE_HOME", str(tmp_path))
    with pytest.raises(MarimoStopError) as stopped:
        gallery.connect()
    assert "nothing is published" in stopped.value.output.text


def test_the_waterfall_adds_up(ran: dict[str, Ran], registry: duckdb.DuckDBPyConnection) -> None:
    waterfall: pl.DataFrame = ran["reach"][1]["waterfall"]
    told = {
        (row["channel"], row["gate"]): (row["contacts"], row["before"], row["after"]) for row in waterfall.iter_rows(named=True)
    }
    order = [gate for (gate,) in registry.sql("select gate from reference.gates order by rank").fetchall()]
    for channel in ("email", "phone", "post"):
        steps = [step for (of, _), step in told.items() if of == channel]
        assert [gate for of, gate in told if of == channel] == [gate for gate in [*order, "reached"] if (channel, gate) in told]
        assert all(before - after == contacts for contacts, before, after in steps)
        assert [after for _, _, after in steps[:-1]] == [before for _, before, _ in steps[1:]]
        ((reached,),) = registry.execute("select count(*) from marketing_contacts where channel = ?", [channel]).fetchall()
        assert told[channel, "reached"][0] == reached and steps[-1][2] == 0
        ((withheld,),) = registry.execute("select count(*) from gate_audit where channel = ?", [channel]).fetchall()
        assert steps[0][1] == reached + withheld


def test_few_objectors_are_not_counted(ran: dict[str, Ran]) -> None:
    found = ran["objections"][1]
    counts = [n for frame in ("gates", "sections", "recipients") for n in found[frame]["contacts"].to_list()]
    assert any(counts) and None in counts and min(n for n in counts if n is not None) >= gallery.FEWEST
    hidden = found["sections"].filter(pl.col("contacts").is_null())
    assert hidden["share"].is_null().all(), "a share of a known whole tells the count"


def test_the_coverage_is_that_of_the_firms_one_by_one(ran: dict[str, Ran], registry: duckdb.DuckDBPyConnection) -> None:
    firms = registry.sql(
        "select business_id from organisations where is_marketing_target and staff_band not in ('0-4', '5-9', 'unknown')"
    ).fetchall()
    heard = registry.sql(
        "select distinct business_id from decision_makers "
        "where verifier <> 'registry' and verified_on > date '2026-01-03' - 365"
    ).fetchall()
    bands: pl.DataFrame = ran["coverage"][1]["bands"]
    covered = bands.filter(pl.col("state") == "covered")["firms"].sum()
    assert (bands["firms"].sum(), covered) == (len(firms), len({*firms} & {*heard}))
    assert 0 < covered < len(firms)
