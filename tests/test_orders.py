"""Orders in the ledger: worded, accepted, paused, ended; never another recipient's."""

from datetime import datetime
from pathlib import Path

import pytest

from ledger import orders, recipients, store
from ledger.orders import Accepted

ACCEPTED = Accepted("1", "Ostaja Oskari", datetime(2026, 1, 2, 12))


@pytest.fixture
def home(ledger_home: Path) -> Path:
    for name in ("acme", "beta"):
        recipients.add(ledger_home, name, f"{name.title()} Oy", by_whom="a test")
    return ledger_home


def test_the_last_wording_counts(home: Path) -> None:
    orders.add(home, "kirje", "acme", '{"a": 1}', ACCEPTED, by_whom="a test")
    orders.add(home, "kirje", "acme", '{"a": 2}', ACCEPTED, by_whom="a test")
    orders.set_state(home, "kirje", "paused", by_whom="a test")
    (one,) = orders.every(home)
    assert (one["spec"], one["state"], one["accepted_by"]) == ('{"a": 2}', "paused", "Ostaja Oskari")
    assert store.verify(home) == []
    orders.set_state(home, "kirje", "ended", by_whom="a test")
    with pytest.raises(store.LedgerRefused, match="has ended"):
        orders.set_state(home, "kirje", "active", by_whom="a test")


def test_an_order_stays_with_its_recipient(home: Path) -> None:
    orders.add(home, "kirje", "acme", "{}", ACCEPTED, by_whom="a test")
    with pytest.raises(store.LedgerRefused, match="another recipient's"):
        orders.add(home, "kirje", "beta", "{}", ACCEPTED, by_whom="a test")
    with pytest.raises(store.LedgerRefused, match="no recipient 'gamma'"):
        orders.add(home, "muu", "gamma", "{}", ACCEPTED, by_whom="a test")
    with pytest.raises(store.LedgerRefused, match="no order's id"):
        orders.add(home, "../muu", "acme", "{}", ACCEPTED, by_whom="a test")
    with pytest.raises(store.LedgerRefused, match="who accepted"):
        orders.add(home, "muu", "acme", "{}", Accepted("1", " ", ACCEPTED.at), by_whom="a test")


def test_what_became_of_a_delivery(home: Path) -> None:
    orders.happened(home, "kirje-1", "kirje", "acme", "made", rows=12, period="2026-01-05T06:00")
    orders.happened(home, "kirje-1", "kirje", "acme", "sent")
    orders.happened(home, "muu-1", "muu", "beta", "made", rows=1)
    assert [(row["what"], row["detail"].get("rows")) for row in orders.history(home, "kirje")] == [("made", 12), ("sent", None)]
    assert [row["order_id"] for row in orders.history(home, what=["made"])] == ["kirje", "muu"]
    assert store.suppression_head(home).seq < store.head(home).seq, "a delivery changes nothing of who may be reached"
