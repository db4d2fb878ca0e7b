"""Fail closed: what the gates rely on is missing, older than it was, unreadable or unstated; nothing is built or published, one
line says why, and the version in service stays.
"""

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from ingest.source import Source
from ledger import objections, store
from ledger.subjects import Told
from orchestration import build as building
from orchestration import gating
from orchestration.publish import current, publish
from orchestration.state import BuildState, Refused
from tests.test_publish import make_warehouse

TODAY = date(2026, 6, 1)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lake with a ledger that has seen two objections, built, published and in service; something landed on a day."""
    monkeypatch.delenv("KOHDE_LEDGER_URL", raising=False)
    home = tmp_path / "lake"
    for number in range(2):
        objections.add(home, Told(phone=f"040123450{number}"), evidence=f"letter {number}", by_whom="a test")
    make_warehouse(home, 3)
    (home / "raw" / "ytj" / "companies" / f"load=ytj-companies-{TODAY:%Y%m%d}-001").mkdir(parents=True)
    publish(home)
    return home


def without(home: Path) -> None:
    for path in home.glob("ledger.db*"):
        path.unlink()


def set_back(home: Path) -> None:
    """A backup of the day before in place of the ledger, as somebody restores it who knows of no command for that."""
    with store.connect(home):
        pass
    store.scrub(home)
    shutil.copyfile(home / "ledger.db", home / "old.db")
    objections.add(home, Told(phone="0401234509"), evidence="letter 9", by_whom="a test")
    without(home)
    (home / "old.db").rename(home / "ledger.db")


def another(home: Path) -> None:
    """As many entries, of somebody else."""
    other = home.parent / "other"
    for number in range(5):
        objections.add(other, Told(phone=f"040123450{number}"), evidence=f"mail {number}", by_whom="a test")
    store.scrub(other)
    without(home)
    shutil.copyfile(other / "ledger.db", home / "ledger.db")


def scribbled(home: Path) -> None:
    without(home)
    (home / "ledger.db").write_bytes(b"no database at all" * 100)


def listed(home: Path, until: date | None, required: bool = False) -> None:
    """The ages of the ban lists, as the loader lands them."""
    folder = home / "raw" / "external_lists" / "lists" / f"load=external_lists-lists-{TODAY - timedelta(days=90):%Y%m%d}-001"
    folder.mkdir(parents=True)
    listed_on = f"date '{until - timedelta(days=30)}'" if until else "null::date"
    duckdb.execute(f"""
        copy (
            select 'phone_ban' as list_id, {listed_on} as list_date, {listed_on} + 30 as stale_after, {required} as is_required,
                'x' as _load_id
        ) to '{folder}/part.parquet'""")


def stale(home: Path) -> None:
    listed(home, TODAY - timedelta(days=1))


def never_landed(home: Path) -> None:
    listed(home, None, required=True)


def unreadable(home: Path) -> None:
    listed(home, TODAY)
    next((home / "raw" / "external_lists").rglob("*.parquet")).write_bytes(b"PAR1 and then nothing")


FAULTS: dict[Callable[[Path], None], str] = {
    without: "the ledger is missing",
    set_back: "it was set back or replaced",
    another: "another one than was seen",
    scribbled: "cannot be reached",
    stale: "ban list phone_ban is of .* land a newer one",
    never_landed: "ban list phone_ban has never come",
    unreadable: "ban lists cannot be read",
}


@pytest.mark.parametrize(("fault", "line"), FAULTS.items(), ids=[fault.__name__ for fault in FAULTS])
def test_nothing_is_published_or_built_and_what_is_in_service_stays(
    home: Path, fault: Callable[[Path], None], line: str
) -> None:
    before, state = current(home), BuildState.read(home)
    fault(home)
    for act in (lambda: publish(home), lambda: building.build(home)):
        with pytest.raises((Refused, store.LedgerRefused), match=line) as refused:
            act()
        assert "\n" not in str(refused.value)
    assert current(home) == before and len(list(before.iterdir())) == 4
    assert BuildState.read(home) == state and not list((home / "published").glob(".*"))


@pytest.mark.parametrize("until", [TODAY, TODAY + timedelta(days=30)])
def test_a_list_within_its_age_stops_nothing(home: Path, until: date) -> None:
    listed(home, until)
    gating.check_inputs(home)


def test_a_source_that_nobody_has_stated_the_use_of_stops_the_build(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = Source.names()
    monkeypatch.setattr(Source, "names", staticmethod(lambda: [*names, "address_broker"]))
    for act in (lambda: publish(home), lambda: building.build(home)):
        with pytest.raises(Refused, match=r"source address_broker has no line in .*source_purposes\.csv"):
            act()


def test_every_source_has_its_use_stated() -> None:
    assert gating.purposes().keys() == set(Source.names())


def test_a_secret_of_another_version_stops_the_build(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOHDE_SECRET", f"1:{'5e' * 32} 2:{'6f' * 32}")
    with pytest.raises(store.LedgerRefused, match="run `kohde key rotate`"):
        building.build(home)
    monkeypatch.setenv("KOHDE_SECRET", "6f" * 32)
    with pytest.raises(store.LedgerRefused, match="another secret"):
        building.build(home)


def test_contacts_of_two_states_of_the_ledger_are_not_published(home: Path) -> None:
    """A build that died between two of its gates has left such a warehouse, had its receipt been lost."""
    with duckdb.connect(str(home / "warehouse.duckdb")) as db:
        db.execute("insert into marketing_contacts values ('0000002-0', 'x@y.fi', '0-00000000')")
    with pytest.raises(Refused, match="several states of the ledger"):
        publish(home)


def test_a_warehouse_without_gates_is_not_published(home: Path) -> None:
    with duckdb.connect(str(home / "warehouse.duckdb")) as db:
        db.execute("drop table enriched.enr_gate_head")
    with pytest.raises(Refused, match="holds no gates"):
        publish(home)
