"""Many writers and killed writers: what was acknowledged is there, the chain has no gap."""

import multiprocessing
import os
import random
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from ledger import objections, store, tables
from ledger.subjects import Told

WRITERS, EACH = 8, 50
KILLS = {"sqlite": 120, "postgresql": 60}

fork = multiprocessing.get_context("forkserver")
fork.set_forkserver_preload(["ledger.objections"])


def write(home: Path, url: str | None, writer: int, acknowledged: Connection | None, times: int) -> None:
    """Add objections one by one, telling each number when it is promised."""
    os.environ["KOHDE_SECRET"] = "5e" * 32
    os.environ.pop("KOHDE_LEDGER_URL", None)
    if url:
        os.environ["KOHDE_LEDGER_URL"] = url
    for number in range(times):
        told = Told(email=f"a{number}.{writer}@firma.fi")
        added = objections.add(home, told, evidence=f"letter {writer}.{number}", by_whom="tester")
        if acknowledged:
            acknowledged.send(added)


def test_eight_writers_at_once(ledger_home: Path) -> None:
    url = os.environ.get("KOHDE_LEDGER_URL")
    writers = [fork.Process(target=write, args=(ledger_home, url, writer, None, EACH)) for writer in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(300)
    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    rows = store.rows(ledger_home, tables.Objection)
    assert [row["objection_id"] for row in rows] == list(range(1, WRITERS * EACH + 1))
    assert store.head(ledger_home).seq == WRITERS * EACH + 1 and store.verify(ledger_home) == []


def test_a_killed_writer_loses_nothing_it_has_acknowledged(ledger_home: Path) -> None:
    url, chance = os.environ.get("KOHDE_LEDGER_URL"), random.Random(4)
    promised: set[int] = set()
    killed = KILLS["postgresql" if url else "sqlite"]
    for writer in range(killed):
        ours, theirs = fork.Pipe(duplex=False)
        child = fork.Process(target=write, args=(ledger_home, url, writer, theirs, 1_000))
        child.start()
        theirs.close()
        # From its first promise on, so that the kill falls among writes and not into the start of a process.
        if ours.poll(30):
            promised.add(ours.recv())
        time.sleep(chance.uniform(0, 0.08))
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join(30)
        while ours.poll():
            try:
                promised.add(ours.recv())
            except EOFError:
                break
    there = {row["objection_id"] for row in store.rows(ledger_home, tables.Objection)}
    assert len(promised) >= killed and promised <= there, "an acknowledged objection is gone"
    assert len(there - promised) <= killed, "at most the one being promised when the kill came"
    assert store.verify(ledger_home) == []


def test_a_ledger_that_was_cut_back_is_refused_everywhere(ledger_home: Path) -> None:
    """The tail of a chain can be taken off without a trace in it: the lake's own mark tells."""
    from tests.ledgers import tamper

    write(ledger_home, os.environ.get("KOHDE_LEDGER_URL"), 0, None, 3)
    head = store.head(ledger_home).seq
    tamper(
        ledger_home,
        f"delete from entry where seq = {head}",
        f"delete from objection where seq = {head}",
        f"delete from objection_key where seq = {head}",
    )
    with pytest.raises(store.LedgerRefused, match="set back or replaced"):
        store.head(ledger_home)
    with pytest.raises(store.LedgerRefused, match="set back or replaced"):
        objections.add(ledger_home, Told(email="b@firma.fi"), evidence="x", by_whom="y")
