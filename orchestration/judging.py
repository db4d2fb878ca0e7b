"""A person's decision on who is who, looked at before it is written down."""

from pathlib import Path

import duckdb

from ledger import store
from orchestration.state import WAREHOUSE, Refused


def judge(home: Path, verdict: str, mentions: tuple[str, str], by_whom: str, reason: str) -> int:
    """Write the judgement into the ledger; returns its number.

    Raises Refused for a mention that the last build does not know, since a judgement on it would never count, and
    store.LedgerRefused for a judgement without sense. Before the first build nothing can be known, and any mention is taken.
    """
    if unknown := [place for place, mention in enumerate(mentions, start=1) if mention not in _known(home, mentions)]:
        # Its place, not its text: a mention may hold a register's number of a person.
        raise Refused(f"the last build knows no such mention as number {unknown[0]}; restricted.person_review lists them")
    return store.judge(home, verdict, *mentions, by_whom, reason)


def _known(home: Path, mentions: tuple[str, str]) -> set[str]:
    if not (home / WAREHOUSE).exists():
        return set(mentions)
    try:
        with duckdb.connect(str(home / WAREHOUSE), read_only=True) as db:
            found = db.execute("select mention_id from enriched.enr_person_mentions where mention_id in (?, ?)", mentions)
            return {row[0] for row in found.fetchall()}
    except duckdb.CatalogException:
        return set(mentions)
    except duckdb.IOException:
        raise Refused("a build is running: judge when it is done") from None
