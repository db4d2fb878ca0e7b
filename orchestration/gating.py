"""Between the ledger and the gates: what must be there before anything is built, gates proven anew when the ledger has moved,
and what a build has found out about objectors back into the ledger.

A build proves its gates against one state of the ledger (`enr_gate_head`). The ledger goes on; whoever publishes looks again.
"""

import csv
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb

from ingest.source import Source
from ingest.sources.ledger import loader as promises
from ledger import objections, store
from orchestration import settings
from orchestration.state import WAREHOUSE, BuildState, Refused

GATES = "tag:gates"
"""The models that depend on the ledger; the rest of the warehouse does not change with it."""


def check_inputs(home: Path) -> None:
    """Refuse what the gates could not be relied on with: a source whose use nobody has stated, a ban list past its age.

    Raises Refused in one line.
    """
    stated = purposes()
    if strangers := sorted(set(Source.names()) - stated.keys()):
        raise Refused(
            f"source {strangers[0]} has no line in dbt_project/seeds/source_purposes.csv: say there whether what it tells may "
            "be used for marketing, and on what basis"
        )
    if stale := stale_lists(home):
        raise Refused(stale[0])


def purposes() -> dict[str, dict[str, str]]:
    """Seed source_purposes: source -> its row."""
    with (settings.DBT_PROJECT / "seeds" / "source_purposes.csv").open(encoding="utf-8", newline="") as file:
        return {row["source_name"]: row for row in csv.DictReader(file)}


def stale_lists(home: Path) -> list[str]:
    """Ban lists that may not be relied on, each in a line: past its age, required and never there, or unreadable.

    Its age on the last day the lake knows, not by the clock: nothing newer than that day is published either. A delivery looks
    at the clock (delivery/published.py).
    """
    try:
        rows = _list_ages(home)
    except duckdb.Error:
        return ["the ban lists cannot be read: land them anew before anything is built or published"]
    today = _last_day(home)
    return [
        f"ban list {name} has never come and is required: land it first"
        if listed_on is None
        else f"ban list {name} is of {listed_on} and may be relied on until {stale_after}: land a newer one first"
        for name, listed_on, stale_after, is_required in rows
        if (listed_on is None and is_required) or (stale_after is not None and stale_after < today)
    ]


def first_to_expire(home: Path) -> tuple[str, date] | tuple[None, None]:
    """The ban list in use that may be relied on for the shortest time, and its last day."""
    ends = [(stale_after, name) for name, _, stale_after, _ in _list_ages(home) if stale_after is not None]
    return (min(ends)[1], min(ends)[0]) if ends else (None, None)


def _list_ages(home: Path) -> list[tuple[str, date | None, date | None, bool]]:
    """list_id, list_date, stale_after and is_required of each ban list, as it landed last."""
    folder = home / "raw" / "external_lists" / "lists"
    if not any(folder.glob("load=*-*")):
        return []
    with duckdb.connect() as db:
        return db.execute(
            "SELECT list_id, list_date, stale_after, is_required FROM read_parquet(?, union_by_name = true) "
            "QUALIFY row_number() OVER (PARTITION BY list_id ORDER BY _load_id DESC) = 1 ORDER BY list_id",
            [str(folder / "load=*-*" / "*.parquet")],
        ).fetchall()


def proven(home: Path) -> str | None:
    """The state of the ledger that the warehouse's gates were proven against; None when they were against none.

    Raises Refused when the warehouse has no gates, or its contacts are not all of one state.
    """
    try:
        with duckdb.connect(str(home / WAREHOUSE), read_only=True) as db:
            head = db.execute("SELECT version FROM enriched.enr_gate_head").fetchall()
            rows = db.execute("SELECT DISTINCT suppression_version FROM marketing_contacts").fetchall()
    except duckdb.Error:
        raise Refused("not published: the warehouse holds no gates, build it first") from None
    if len(head) > 1 or any(row not in head for row in rows):
        raise Refused("not published: the gates were proven against several states of the ledger, build anew")
    return str(head[0][0]) if head else None


def is_current(home: Path) -> bool:
    """Whether nothing that can close a gate was added to the ledger since the gates were proven. Raises store.LedgerRefused."""
    return proven(home) == store.suppression_head(home).version


def lists_have_landed(home: Path, built: dict[str, str]) -> bool:
    """Whether a ban list has landed since the build (its loads): the gates read what has landed, not what was built."""
    newest = (max((load.name for load in folder.glob("load=*-*")), default="") for folder in _lists(home))
    known = {load for dataset, load in built.items() if dataset.startswith("external_lists.")}
    return any(load and load.removeprefix("load=") not in known for load in newest)


def _lists(home: Path) -> list[Path]:
    return sorted((home / "raw" / "external_lists").glob("*"))


def regate(home: Path) -> None:
    """Prove the gates anew against the ledger as it is now; the rest of the warehouse stays as it is.

    The caller holds the lock of the writer. Raises build.BuildFailed; then the warehouse counts as failed.
    """
    from orchestration.build import dbt_arguments, run_dbt

    state, seen = BuildState.read(home), store.suppression_head(home).seq
    promises.land(None, None, home)
    replace(state, status="building").write(home)
    try:
        run_dbt(home, dbt_arguments(home, select=GATES))
    except BaseException as error:
        replace(state, status="failed", reason=f"the gates could not be proven anew: {str(error)[:200]}").write(home)
        raise
    # The loads stay those of the build: what else has landed with the ledger is news for the next one.
    state.write(home)
    absorb(home)
    # Views of the warehouse name the lake's folder: in a copy of a lake they read the ledger of the other one.
    if int((proven(home) or "0").split("-")[0]) < seen:
        raise Refused("the gates do not see this lake's ledger: was the lake moved or copied? Run `kohde build` first")


def absorb(home: Path) -> int:
    """Write the keys of whom objections have hit into the ledger, so that these outlive the data; returns how many were new."""
    with duckdb.connect(str(home / WAREHOUSE), read_only=True) as db:
        found = db.execute("SELECT objection_id, kind, key FROM enriched.enr_objection_closure").fetchall()
    return objections.absorb(home, found) if found else 0


def _last_day(home: Path) -> date:
    """The last day that anything landed speaks of; what people have decided is no news of the world."""
    names = [folder.name for folder in home.glob("raw/*/*/load=*") if folder.parent.parent.name != "ledger"]
    days = [found[1] for name in names if (found := re.search(r"-(\d{8})-\d+$", name))]
    return date.fromisoformat(max(days)) if days else date.min
