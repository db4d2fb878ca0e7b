"""The law of changes: what a recipient held before, with the day's delta applied, is what the full file of the day says."""

import csv
import os
import random
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from delivery import delta, orders, published
from delivery.deliver import Delivered, deliver
from delivery.extract import Extract, known_as
from ledger import notices, objections, recipients
from ledger.subjects import Told
from orchestration import settings, worlds
from orchestration.build import build
from orchestration.publish import publish
from tests.test_deliver import GROUP, NOW, order

COMPANIES, SEED = 400, 5
DAYS = int(os.environ.get("KOHDE_DAYS", "2"))
"""A month of them shows it at length."""
OLDER = (
    "voimassa_asti",
    "vahvistettu_pvm",
    "tuoreus_todnak",
    "syy",
    "osoitelahde",
    "puuttuvat",
    "op",
    "poiston_syy",
    "yhdistetty_riviin",
)
"""What does not count as a change: it grows older by the day, or says why and whence."""

IDS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("123")), unique_by=lambda row: row[0])


def kept(rows: list[tuple[str, str]]) -> pa.Table:
    return pa.table(
        [[*column] for column in zip(*[(i, i, "0", d, [], True) for i, d in rows], strict=True)] or [[]] * 6, schema=delta.ROWS
    )


@hypothesis_settings(deadline=None)
@given(IDS, IDS, st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")))
def test_applying_the_changes_gives_what_is_now(
    before: list[tuple[str, str]], now: list[tuple[str, str]], redirects: dict[str, str]
) -> None:
    held, wanted = dict(before), dict(now)
    redirects = {former: person for former, person in redirects.items() if former not in wanted}
    known = kept(before).to_pylist()
    known = pa.Table.from_pylist(
        [row | {"person_id": redirects.get(row["row_id"], row["row_id"])} for row in known], delta.ROWS
    )
    steps = delta.changes(kept(before), kept(now), known).to_pylist()
    for step in steps:
        if step["operation"] in ("POISTO", "YHDISTETTY"):
            heir = redirects.get(step["row_id"])
            assert step["merged_into"] == (heir if heir in wanted else None), "the row of who they are now"
            assert (step["operation"] == "YHDISTETTY") == (step["merged_into"] is not None)
            del held[step["row_id"]]
        else:
            assert (step["row_id"] in held) == (step["operation"] == "MUUTOS")
            held[step["row_id"]] = wanted[step["row_id"]]
    assert held == wanted
    assert not {step["row_id"] for step in steps if step["operation"] in ("LISAYS", "MUUTOS")} & {
        i for i, d in before if wanted.get(i) == d
    }


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from ingest import synthetic

    folder = tmp_path_factory.mktemp("month") / "source"
    synthetic.generate(COMPANIES, SEED, DAYS, folder, start=NOW.date())
    return folder


@pytest.fixture(scope="module")
def lake(source: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        home = source.parent / "lake"
        patch.setenv("KOHDE_HOME", str(home))
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        settings.export(home)
        yield home
        shutil.rmtree(home, ignore_errors=True)


def rows(told: Delivered) -> dict[str, dict[str, str]]:
    (data,) = Path(told.folder).glob("*.csv")
    with data.open(encoding="utf-8-sig", newline="") as file:
        return {row["rivi_id"]: row for row in csv.DictReader(file, delimiter=";")}


def said(row: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in row.items() if name not in OLDER}


def live(home: Path, source: Path, day: date, dice: random.Random) -> None:
    """A day: what the registers and surveys tell, notices to all who are new, two people who object."""
    worlds.land_day(source, day, home)
    build(home)
    publish(home)
    with published.connect(home, "registry") as db:
        people = [person for (person,) in db.execute("select distinct person_id from decision_makers order by 1").fetchall()]
        found = db.execute("select distinct value from marketing_contacts where channel = 'email' order by 1")
        boxes = [box for (box,) in found.fetchall()]
    notices.sent(home, people, channel="post", language="fi", by_whom="a test")
    for box in dice.sample(boxes, min(2, len(boxes))):
        objections.add(home, Told(email=box), evidence=f"letter of {day}", by_whom="a test")
    publish(home)


@pytest.mark.timeout(600 * DAYS)
def test_day_after_day_three_recipients_hold_what_the_full_file_says(lake: Path, source: Path) -> None:
    dice, held = random.Random(1), dict[str, dict[str, dict[str, str]]]()
    for name in ("acme", "beta", "gamma"):
        recipients.add(lake, name, f"{name.title()} Oy", by_whom="a test")
    groups: dict[str, dict[str, Any]] = {
        "acme": GROUP,
        "beta": GROUP | {"criteria": {"field": "region", "in": ["01"]}},
        "gamma": GROUP | {"unit": "organisation", "channels": ["post", "phone"], "campaign": {}},
    }
    operations = set()
    for number in range(DAYS):
        live(lake, source, NOW.date() + timedelta(days=number), dice)
        now = NOW + timedelta(days=number)
        for name, group in groups.items():
            if not number:
                order(lake, f"muutokset-{name}", name, group=group, mode="delta")
                order(lake, f"kaikki-{name}", name, group=group)
            period = f"{now:%Y-%m-%dT%H:%M}"
            changes, full = (
                deliver(lake, orders.one(lake, f"{mode}-{name}"), period, republish=lambda: publish(lake), now=now)
                for mode in ("muutokset", "kaikki")
            )
            copy = held.setdefault(name, {})
            for row_id, row in rows(changes).items():
                operations.add((number > 0, row["op"]))
                if row["op"] in ("POISTO", "YHDISTETTY"):
                    del copy[row_id]
                else:
                    assert (row_id in copy) == (row["op"] == "MUUTOS")
                    copy[row_id] = row
            wanted = rows(full)
            assert copy.keys() == wanted.keys() and len(wanted) == full.rows
            assert all(said(copy[row_id]) == said(row) for row_id, row in wanted.items())
    assert operations >= {(False, "LISAYS"), (True, "LISAYS"), (True, "POISTO"), (True, "MUUTOS")}


def test_a_row_keeps_the_id_that_its_recipient_knows() -> None:
    """Also when the secret was rotated since, which gives everybody another id."""
    rows_ = pa.table({"row_id": ["t_new1", "t_new2", "t_new3"], "organisation_name": ["a", "b", "c"]})
    subjects = pa.table({"target_id": ["1", "2", "3"], "person_id": ["p", None, "q"], "business_id": ["x", "x", "x"]})
    held = pa.table(
        [["t_old2", "t_old1", "t_gone"], [None, "p", "r"], ["x", "x", "x"], ["", "", ""], [[], [], []], [True] * 3],
        schema=delta.ROWS,
    )
    found = known_as(Extract(rows_, subjects, []), held).rows
    assert found.to_pydict() == {"row_id": ["t_old1", "t_old2", "t_new3"], "organisation_name": ["a", "b", "c"]}
