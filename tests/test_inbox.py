"""The inbox: complete files only, an answer row by row, twice is once, and a kill at any step heals."""

import csv
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ingest import inbox, lake
from ingest.sources.survey import loader
from orchestration import cli, instance
from orchestration.definitions.inbox import inbox_job, inbox_sensor
from tests.test_tabular import HOSTILE

HEADER = "case_id;y_tunnus;sukunimi;vastuualue;ilmoitus_pvm;tulos;viim_yhteys;sahkoposti;kielto"
GOOD = "C1;0112038-9;Mäki;2;1.11.2026;CMP;1.11.2026 9:30;a@firma.fi;"
ROWS = [
    GOOD,
    "C2;0112038-9;Ek;17;1.11.2026;CMP;1.11.2026 9:35;b@firma.fi;",  # area: the person is refused, case and attempt are taken
    "C3;0112038-9",  # ragged
    "C4;0112038-9;Öst;3;1.11.2026;CMP;1.11.2026 9:40;a@b;",  # flagged
    "C5;;Objector;99;;;;c@firma.fi;kyllä",  # the objection alone
]
TEXT = "\r\n".join([HEADER, *ROWS, ""])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KOHDE_HOME", str(tmp_path / "lake"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "lake" / "dagster"))
    return tmp_path / "lake"


@pytest.fixture
def drop(home: Path) -> Callable[..., Path]:
    def dropped(name: str = "kysely.csv", text: str = TEXT, source: str = "survey") -> Path:
        path = inbox.folder(home, source) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8-sig"))
        return path

    return dropped


def take(home: Path) -> list[inbox.Receipt]:
    return inbox.run(home, settle_seconds=0)


def answered(home: Path, receipt: inbox.Receipt) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The two receipts as their reader finds them."""
    path = home / receipt.path
    with path.with_name(path.name + ".receipt.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    return json.loads(path.with_name(path.name + ".receipt.json").read_text(encoding="utf-8")), rows


def test_a_file_is_taken_and_answered_row_by_row(home: Path, drop: Callable[..., Path]) -> None:
    path = drop()
    (receipt,) = take(home)
    assert not path.exists() and receipt.path == "inbox/survey/done/kysely.csv" and (home / receipt.path).exists()
    about, rows = answered(home, receipt)
    assert [tuple(row.values()) for row in rows] == [
        ("2", "taken", "", "", ""),
        ("3", "partly", "areas", "area_unknown", ""),
        ("4", "refused", "", "ragged", ""),
        ("5", "taken", "", "", "email:email_shape"),
        ("6", "partly", "business_id", "bid_missing", ""),
    ]
    assert about["verdict"] == "taken" and about["rows"] == {"taken": 2, "partly": 2, "refused": 1}
    assert about["reasons"] == {"area_unknown": 1, "ragged": 1, "bid_missing": 1}
    assert [load["dataset"] for load in about["loads"]] == ["attempts", "cases", "decision_makers", "objections"]
    told = json.dumps(about) + json.dumps(rows)
    assert not any(value in told for value in ("Mäki", "M\\u00e4ki", "Objector", "firma.fi", "a@b", "0112038"))
    (archived,) = (home / "archive" / "survey").glob("*/kysely.csv")
    assert lake.sha256(archived) == receipt.sha256


def test_the_same_file_twice_or_renamed_changes_nothing(home: Path, drop: Callable[..., Path]) -> None:
    drop()
    (first,) = take(home)
    loads, files = [m.load_id for m in lake.manifests(home)], sorted((home / "raw").rglob("*.parquet"))
    drop()
    (again,) = take(home)
    drop("toinen nimi.csv")
    (renamed,) = take(home)
    assert (again.verdict, renamed.verdict) == ("unchanged", "unchanged") and again.rows == {"unchanged": 5}
    assert first.file in str(renamed.message) and renamed.path == "inbox/survey/done/toinen nimi.csv"
    assert [m.load_id for m in lake.manifests(home)] == loads and sorted((home / "raw").rglob("*.parquet")) == files
    assert again.path == "inbox/survey/done/kysely~2.csv" and answered(home, first)[0]["verdict"] == "taken", (
        "the first answer stays"
    )


def test_the_same_rows_in_another_file_are_unchanged(home: Path, drop: Callable[..., Path]) -> None:
    drop(text=f"{HEADER}\n{GOOD}\n")
    take(home)
    drop("b.csv", text=f"{HEADER}\n\n{GOOD}\n")
    (receipt,) = take(home)
    assert receipt.verdict == "unchanged" and receipt.rows == {"unchanged": 1}
    assert [row["row"] for row in answered(home, receipt)[1]] == ["3"]
    drop("c.csv", text=f"{HEADER}\n{GOOD}\n{GOOD.replace('C1', 'C9')}\n")
    (receipt,) = take(home)
    assert (receipt.verdict, receipt.rows) == ("taken", {"taken": 1, "unchanged": 1})


def test_an_incomplete_file_waits(home: Path, drop: Callable[..., Path]) -> None:
    for name in ("a.csv.part", "a.csv.PARTIAL", "b.csv.filepart", "c.crdownload", ".hidden.csv", "d.csv~"):
        drop(name)
    path = drop("e.csv")
    drop("e.csv.part")
    assert inbox.waiting(home, 0) == [], "nor is one taken whose next version is being written"
    (inbox.folder(home, "survey") / "e.csv.part").unlink()
    assert inbox.waiting(home, 3600) == []
    old = time.time() - 7200
    os.utime(path, (old, old))
    assert inbox.waiting(home, 3600) == [], "a copy that brings an old time with it was changed just now"
    assert inbox.waiting(home, 0) == [("survey", path)]
    path.with_name("a.csv.part").rename(path.with_name("a.csv"))
    assert len(take(home)) == 2 and path.with_name("b.csv.filepart").exists()


def test_a_file_that_changes_while_it_is_read_waits(
    home: Path, drop: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, archive = drop(text=f"{HEADER}\n{GOOD}\n"), inbox.archive_file

    def still_writing(*args: Any) -> Path:
        with path.open("a") as file:
            file.write("more\n")
        return archive(*args)

    monkeypatch.setattr(inbox, "archive_file", still_writing)
    assert take(home) == [] and path.exists() and lake.manifests(home) == []


@pytest.mark.parametrize("name", ["bomb.xlsx", "external entity.xlsx", "traversal.xlsx", "half.xlsx", "html.xlsx", "mixed.csv"])
def test_a_hostile_file_is_refused_with_an_answer(home: Path, name: str) -> None:
    reason, write = HOSTILE[name]
    inbox.prepare(home)
    write(inbox.folder(home, "survey") / name)
    (receipt,) = take(home)
    about, rows = answered(home, receipt)
    assert (about["verdict"], about["reason"], rows) == ("refused", reason, [])
    assert receipt.path == f"inbox/survey/refused/{name}" and lake.manifests(home) == []


def test_links_and_devices_are_not_followed(home: Path, tmp_path: Path) -> None:
    inbox.prepare(home)
    (tmp_path / "secret.csv").write_text(TEXT)
    (inbox.folder(home, "survey") / "a.csv").symlink_to(tmp_path / "secret.csv")
    os.mkfifo(inbox.folder(home, "survey") / "b.csv")
    receipts = take(home)
    assert [(r.verdict, r.reason) for r in receipts] == [("refused", "not_a_file")] * 2
    assert not (home / "archive").exists() and (tmp_path / "secret.csv").exists()


def test_a_file_kept_aside_is_refused_row_by_row_and_may_come_again(home: Path, drop: Callable[..., Path]) -> None:
    rows = [f"C{n};0112038-9;Mäki{n};99;1.11.2026;;;;" for n in range(60)]
    text = "\n".join([HEADER, GOOD, *rows, ""])
    drop(text=text)
    (receipt,) = take(home)
    about, answers = answered(home, receipt)
    assert (about["verdict"], about["reason"]) == ("refused", "bounds")
    assert answers[0]["outcome"] == "refused" and answers[0]["reasons"] == "bounds", (
        "sound, but nothing of the load is in service"
    )
    assert answers[1]["reasons"] == "area_unknown" and receipt.rows == {"refused": 61}
    drop(text=text)
    assert take(home)[0].verdict == "refused", "a refusal is not remembered: bounds may be accepted, registers land"


def test_every_source_of_peoples_files_has_a_folder(home: Path, drop: Callable[..., Path]) -> None:
    assert {source.name for source in inbox.prepare(home)} >= {"survey", "bounces", "external_lists"}
    drop(
        "palaute.csv",
        "Asiakas;E-mail;Tapahtuma\nA1;x@y.fi, z@y.fi;kielto\nA1;a@b;kielto\n".replace(",", " ,"),
        source="bounces",
    )
    drop("phone_ban_20261101.csv", "Numero\n0401234567\n112\n", source="external_lists")
    drop("robinson.csv", "Numero\n0401234567\n", source="external_lists")
    receipts = {r.file: r for r in take(home)}
    assert receipts["palaute.csv"].rows == {"taken": 1, "refused": 1}
    assert receipts["phone_ban_20261101.csv"].rows == {"taken": 1, "refused": 1}
    assert receipts["robinson.csv"].reason == "list_unknown"
    # The same bytes under a later day are a list checked anew.
    drop("phone_ban_20261108.csv", "Numero\n0401234567\n112\n", source="external_lists")
    (receipt,) = take(home)
    newest = lake.newest(home, "external_lists", "phone_ban")
    assert newest and newest.as_of == "2026-11-08" and receipt.rows == {"unchanged": 1, "refused": 1}


def test_one_run_at_a_time_and_a_busy_dataset_waits(home: Path, drop: Callable[..., Path]) -> None:
    from filelock import FileLock

    from ingest.load import dataset_lock

    path = drop(text=f"{HEADER}\n{GOOD}\n")
    with FileLock(home / "inbox" / ".lock"), pytest.raises(lake.LandingRefused, match="busy"):
        take(home)
    with dataset_lock(home, "survey", "decision_makers"):
        assert take(home) == [] and path.exists()
    assert take(home)[0].verdict == "taken"


def test_a_defect_in_one_file_does_not_keep_the_others(
    home: Path, drop: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, landing = drop("1.csv"), drop("2.csv", text=f"{HEADER}\n{GOOD}\n"), loader.land

    def defective(origin: Path, *args: Any, **options: Any) -> Any:
        if origin.name == "1.csv":
            raise ZeroDivisionError
        return landing(origin, *args, **options)

    monkeypatch.setattr(loader, "land", defective)
    with pytest.raises(ZeroDivisionError):
        take(home)
    assert first.exists() and not second.exists()


class Killed(BaseException):
    """A kill: no handler of ours catches it."""


def killing(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, after: int) -> None:
    """The process ends at the given call of a function, before or (if negative) after it has worked."""
    original, calls = getattr(module, name), iter(range(1, 1000))

    def call(*args: Any, **options: Any) -> Any:
        number = next(calls)
        if number == after:
            raise Killed
        result = original(*args, **options)
        if number == -after:
            raise Killed
        return result

    monkeypatch.setattr(module, name, call)


STEPS = [
    (inbox, "archive_file", 1), (inbox, "archive_file", -1), (loader, "land_batches", 1), (loader, "land_batches", -1),
    (loader, "land_batches", -2), (loader, "land_batches", -3), (loader, "land_batches", -4), (inbox, "answer_rows", 1),
    (inbox, "atomic_file", 1), (inbox, "write_text", 1), (inbox, "write_text", -1), (inbox, "write_text", 2),
    (inbox, "write_text", -2), (inbox, "_move", 1), (inbox, "fsync", 1), (inbox, "_move", -1),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name", "after"), STEPS)
def test_a_kill_at_any_step_heals(
    home: Path, drop: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, module: Any, name: str, after: int
) -> None:
    path = drop()
    with monkeypatch.context() as patch:
        killing(patch, module, name, after)
        with pytest.raises(Killed):
            take(home)
    take(home)
    assert not path.exists() and [
        p.name for p in (home / "inbox" / "survey" / "done").glob("*.csv") if "receipt" not in p.name
    ] == ["kysely.csv"]
    receipt = inbox.Receipt("", "survey", "", 0, "", path="inbox/survey/done/kysely.csv")
    about, rows = answered(home, receipt)
    assert about["verdict"] == "taken" and about["rows"] == {"taken": 2, "partly": 2, "refused": 1}, (
        "as if nothing had happened"
    )
    assert [row["outcome"] for row in rows] == ["taken", "partly", "refused", "taken", "partly"]
    assert sorted(m.dataset for m in lake.manifests(home)) == ["attempts", "cases", "decision_makers", "objections"]
    assert not list((home / "inbox").rglob(".*.part")) and len(list((home / "inbox").rglob("*.receipt.json"))) == 1


def test_a_kill_heals_on_the_next_day_too(home: Path, drop: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    class Tomorrow(date):
        @classmethod
        def today(cls) -> "Tomorrow":
            found = date.today() + timedelta(days=1)
            return cls(found.year, found.month, found.day)

    drop()
    with monkeypatch.context() as patch:
        killing(patch, inbox, "answer_rows", 1)
        with pytest.raises(Killed):
            take(home)
    monkeypatch.setattr(loader, "date", Tomorrow)
    monkeypatch.setattr(inbox, "date", Tomorrow)
    (receipt,) = take(home)
    assert len({m.as_of for m in lake.manifests(home)}) == 2 and receipt.rows == {"taken": 2, "partly": 2, "refused": 1}


# --- Dagster ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def dagster(home: Path) -> Iterator[dg.DagsterInstance]:
    instance.prepare(home)
    with dg.DagsterInstance.from_config(str(home / "dagster")) as made:
        yield made


def test_the_sensor_asks_for_a_run_that_takes_the_files(
    home: Path, drop: Callable[..., Path], dagster: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked() -> object:
        return inbox_sensor(dg.build_sensor_context(instance=dagster))

    assert isinstance(looked(), dg.SkipReason)
    drop()
    assert isinstance(looked(), dg.SkipReason), "not settled yet"
    monkeypatch.setattr(inbox.waiting, "__defaults__", (0, None))
    monkeypatch.setattr(inbox.run, "__defaults__", (0, None, None))
    assert isinstance(looked(), dg.RunRequest)
    unfinished = dagster.create_run_for_job(inbox_job, status=dg.DagsterRunStatus.STARTED)
    assert isinstance(looked(), dg.SkipReason), "a run is at it"
    dagster.delete_run(unfinished.run_id)
    result = inbox_job.execute_in_process(instance=dagster)
    told = {e.asset_key.to_user_string() for e in result.get_asset_materialization_events() if e.asset_key}
    assert result.success and told == {
        "survey/objections", "survey/decision_makers", "survey/attempts", "survey/cases",
    }  # fmt: skip
    assert isinstance(looked(), dg.SkipReason) and (home / "inbox" / "survey" / "done" / "kysely.csv.receipt.csv").exists()


def test_the_command_takes_what_waits_for_a_source(
    home: Path, drop: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def kohde(*arguments: str) -> tuple[int | str | None, Any]:
        with pytest.raises(SystemExit) as ended:
            cli.main([*arguments, "--json"])
        return ended.value.code, json.loads(capsys.readouterr().out)

    drop()
    feedback = drop("palaute.csv", "x", "bounces")
    status, (answer,) = kohde("land", "survey", "--date", "2026-11-22")
    assert (status, answer["verdict"], answer["rows"]) == (0, "taken", {"taken": 2, "partly": 2, "refused": 1})
    assert {m.as_of for m in lake.manifests(home)} == {"2026-11-22"} and feedback.exists(), "the others' files stay"
    drop("again.csv")
    assert kohde("land", "survey")[1][0]["verdict"] == "unchanged"
    drop("x.csv", "1;2\n")
    status, (answer,) = kohde("land", "survey")
    assert (status, answer["verdict"], answer["reason"]) == (1, "refused", "header_mismatch")
    assert kohde("land", "survey") == (0, [])
