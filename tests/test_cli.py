"""The command line: exit codes, one clear line, JSON for programs."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import typer

from ingest import lake, load
from ingest.source import Source
from ingest.synthetic.server import RegistryServer
from orchestration import cli, landing, settings, terminal
from orchestration.publish import publish
from tests.test_publish import make_warehouse


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KOHDE_HOME", str(tmp_path / "lake"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "lake" / "dagster"))
    monkeypatch.setenv("KOHDE_DEBUG", "")  # --debug sets it; so it is taken back
    monkeypatch.delenv("KOHDE_YTJ_URL", raising=False)
    return tmp_path / "lake"


class Kohde:
    """Runs commands in this process and keeps what they say."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            cli.main(list(arguments))
        said = self.capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err


@pytest.fixture
def kohde(capsys: pytest.CaptureFixture[str]) -> Kohde:
    return Kohde(capsys)


def receipts(home: Path, *days: int, rows: int = 5) -> None:
    """Land `rows` made-up code list entries for each January day."""
    source = Source.load("ytj")
    for day in days:
        home.mkdir(exist_ok=True)
        (home / "codes.txt").write_text(f"day {day}")
        table = pa.table(
            {
                "code_set": ["YRMU"] * rows,
                "code": [f"{day}-{row}" for row in range(rows)],
                "language": ["1"] * rows,
                "description": ["Osakeyhtiö"] * rows,
                "_position": list(range(rows)),
            }
        )
        load.land_table(source, "code_lists", table, date(2026, 1, day), files=[home / "codes.txt"], home=home, mode="partial")


def test_help_is_fast_and_names_every_command() -> None:
    began = time.process_time()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "orchestration.cli"], capture_output=True, text=True, check=False
    )
    assert time.process_time() - began < 5
    for heavy in ("dagster", "dbt.", "pyarrow", "polars", "duckdb"):
        assert f" {heavy}" not in done.stderr, f"{heavy} is imported before it is needed"


@pytest.mark.parametrize(
    "command", ["demo", "synth", "registry serve", "land", "build", "publish", "status", "classify", "query", "count", "ui"]
)
def test_every_command_speaks_json(kohde: Kohde, command: str) -> None:
    code, out, _ = kohde(*command.split(), "--help")
    assert code == 0 and "--json" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["land"],
        ["land", "ytj", "--date", "2.1.2026"],
        ["build", "--target", "oracle"],
        ["synth"],
        ["query", "select 1", "--rows", "0"],
    ],
)
def test_wrong_use_is_2(kohde: Kohde, home: Path, arguments: list[str]) -> None:
    code, out, err = kohde(*arguments)
    assert code == 2 and out == "" and "Usage" in err


def test_synth_does_not_write_into_a_folder_in_use(kohde: Kohde, home: Path) -> None:
    home.mkdir()
    (home / "mine").write_text("mine")
    code, _, err = kohde("synth", "--out", str(home))
    assert code == 1 and "not empty" in err and err.count("\n") == 1


def test_unknown_source_names_the_nearest(kohde: Kohde, home: Path) -> None:
    assert kohde("land", "yjt") == (1, "", "kohde: no source 'yjt'; did you mean ytj?\n")
    code, _, err = kohde("land", "quartz")
    assert code == 1 and "posti" in err and "statfi" in err and "ytj" in err


@pytest.mark.parametrize("command", [["build"], ["publish"], ["query", "select 1"]])
def test_refusals_are_one_line(kohde: Kohde, home: Path, command: list[str]) -> None:
    code, out, err = kohde(*command, "--json")
    assert code == 1 and out == ""
    assert err.startswith("kohde: ") and err.count("\n") == 1


def test_a_defect_is_one_line_with_its_type_and_debug_shows_where(
    kohde: Kohde, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("two\nlines [red]")

    monkeypatch.setattr(landing, "land", broken)
    code, _, err = kohde("land", "ytj")
    assert code == 1 and err.count("\n") == 1 and "RuntimeError" in err and "[red]" in err and "--debug" in err
    with pytest.raises(RuntimeError):
        cli.main(["land", "ytj", "--debug"])


def test_land_passes_on_origin_day_and_environment(kohde: Kohde, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ingest.sources.ytj import loader

    seen: list[tuple[object, ...]] = []

    def land(origin: object, as_of: object, folder: object, progress: lake.Progress, **options: object) -> list[lake.Manifest]:
        seen.append((origin, str(as_of), folder, options))
        progress("records", 5, 5)
        receipts(home, 2)
        return lake.manifests(home)

    monkeypatch.setattr(loader, "land", land)
    code, out, err = kohde("land", "ytj", "--from", "file.zip", "--date", "2026-01-02", "--accept-bounds", "why")
    assert code == 0 and "ytj-code_lists-20260102-001" in out and "records: 5 of 5" in err
    monkeypatch.setenv("KOHDE_YTJ_URL", "http://127.0.0.1:1")
    code, out, err = kohde("land", "ytj", "--json")
    assert json.loads(out)[0]["counts"]["read"] == 5 and err == ""
    kohde("land", "ytj", "--from", "https://register.example", "--json")
    assert seen == [
        ("file.zip", "2026-01-02", home, {"accept_bounds": "why"}),
        # The pace that protects a service others share is lifted on our own machine only.
        ("http://127.0.0.1:1", "None", home, {"limits": landing.OWN_MACHINE}),
        ("https://register.example", "None", home, {}),
    ]


def test_the_demos_lake_takes_no_real_register(kohde: Kohde, home: Path) -> None:
    home.mkdir()
    (home / settings.DEMO_MARK).touch()
    code, _, err = kohde("land", "ytj")
    assert code == 1 and "never mixed" in err


def test_status_tells_loads_build_and_publication(kohde: Kohde, home: Path) -> None:
    code, out, _ = kohde("status")
    assert code == 0 and "nothing has landed" in out
    receipts(home, 2, 3)
    make_warehouse(home, 10)
    version = publish(home).version
    found = json.loads(kohde("status", "--json")[1])
    (dataset,) = found["datasets"]
    assert dataset["load_id"] == "ytj-code_lists-20260103-001"
    assert (dataset["read"], dataset["landed"], dataset["verdict"]) == (5, 5, "accepted")
    assert 0 <= dataset["age_hours"] < 1
    assert "ytj.companies" in found["never_landed"]
    assert found["published"]["version"] == version and found["build"]["status"] == "built"
    code, out, _ = kohde("status")
    assert code == 0 and version in out and str(home) in out


def test_status_shows_the_load_that_was_not_taken_and_the_age_of_the_one_in_service(kohde: Kohde, home: Path) -> None:
    receipts(home, 2)
    with pytest.raises(lake.LandingRefused):
        receipts(home, 3, rows=0)
    found = json.loads(kohde("status", "--json")[1])["datasets"][0]
    assert found["verdict"] == "rejected" and found["age_hours"] is not None
    code, out, _ = kohde("status")
    assert code == 0 and "was not taken" in out and "floor 0" in out


def test_query_asks_analyst_and_on_request_the_registry(kohde: Kohde, home: Path) -> None:
    make_warehouse(home, 3)
    publish(home)
    code, out, _ = kohde("query", "SELECT business_id, name FROM organisations ORDER BY 1")
    assert code == 0 and out.splitlines()[0].split() == ["business_id", "name"] and len(out.splitlines()) == 4
    code, out, _ = kohde("query", "SELECT valid_from, 1.5 AS x, NULL AS y FROM organisation_history", "--json")
    assert json.loads(out)[0] == {"valid_from": "2026-01-01", "x": "1.5", "y": None}
    code, out, err = kohde("query", "SELECT caretaker FROM organisations")
    assert code == 1 and "caretaker" in err and err.count("\n") == 1
    assert kohde("query", "--registry", "SELECT caretaker FROM organisations")[0] == 0
    shown = kohde("query", "--rows", "2", "SELECT * FROM organisations")[1].splitlines()
    assert len(shown) == 4 and "there are more" in shown[-1]


@pytest.mark.parametrize(
    "sql",
    ["DROP TABLE organisations", "SELECT * FROM read_text('/etc/hostname')", "SET memory_limit = '1GB'", "nonsense"],
)
def test_query_changes_and_reaches_nothing(kohde: Kohde, home: Path, sql: str) -> None:
    make_warehouse(home, 3)
    publish(home)
    code, out, err = kohde("query", sql)
    assert code == 1 and out == "" and err.count("\n") == 1


def test_what_chatters_goes_into_the_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with terminal.chatter_to(tmp_path / "log") as console:
        os.write(1, b"from C\n")
        subprocess.run(["echo", "from a child"], check=True)
        console.print("to the person")
    print("afterwards")
    out, err = capfd.readouterr()
    assert (tmp_path / "log").read_text() == "from C\nfrom a child\n"
    assert out == "afterwards\n" and err == "to the person\n"


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.mark.timeout(240)
def test_ui_answers_on_loopback_only_and_ends_both_children(home: Path) -> None:
    port = _free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "ui", "--port", str(port), "--json"],
        stdout=subprocess.PIPE,
        text=True,
    ) as supervisor:
        assert supervisor.stdout
        url = json.loads("".join(supervisor.stdout.readline() for _ in range(3)))["url"]
        assert url == f"http://127.0.0.1:{port}"
        children = subprocess.check_output(["pgrep", "-P", str(supervisor.pid)], text=True).split()
        assert len(children) == 2
        listening = subprocess.check_output(["ss", "-tlnH", f"sport = :{port}"], text=True)
        assert f"127.0.0.1:{port}" in listening and "0.0.0.0" not in listening.replace("0.0.0.0:*", "")
        supervisor.send_signal(signal.SIGINT)
        assert supervisor.wait(60) == 0
    for child in children:
        assert not Path(f"/proc/{child}").exists()


def test_the_page_of_commands_names_every_command_and_option() -> None:
    page = (settings.ROOT / "docs" / "reference" / "commands.md").read_text()

    def commands(command: Any, path: str) -> Iterator[tuple[str, list[str]]]:
        for name, inner in getattr(command, "commands", {}).items():
            yield from commands(inner, f"{path} {name}")
        if not hasattr(command, "commands"):
            yield path, [option for parameter in command.params for option in parameter.opts if option.startswith("--")]

    for command, options in commands(typer.main.get_command(cli.app), "kohde"):
        line = next((line for line in page.splitlines() if line.startswith(f"| `{command}")), None)
        assert line, f"{command} is not in commands.md"
        for option in set(options) - {"--json", "--help"}:
            assert option in line, f"{command} {option} is not in commands.md"


def test_search_asks_the_registers_search(kohde: Kohde, home: Path, finland: Path) -> None:
    with RegistryServer(finland) as server:
        code, out, err = kohde(
            "land", "ytj", "--from", server.url, "--date", "2026-01-04", "--search", "companyForm=OYJ", "--json"
        )
    assert code == 0, err
    (receipt,) = json.loads(out)
    assert receipt["dataset"] == "companies_search" and receipt["counts"]["landed"] > 0
    assert kohde("land", "ytj", "--search", "companyForm")[0] == 1
    assert "takes no" in kohde("land", "posti", "--from", "x", "--search", "a=b")[2]


def test_the_command_to_paste_is_the_one_that_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    here = Path(sys.executable).with_name("kohde")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert terminal.command() == str(here)
    monkeypatch.chdir(here.parents[2])
    assert terminal.command() == ".venv/bin/kohde" or here.parents[1].name != ".venv"
    monkeypatch.setenv("PATH", str(here.parent))
    assert terminal.command() == "kohde"
