"""What selecting has to know beyond the group: the recipient's own lists, and what they were given before."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa

from base import normalise
from base.refused import Refused
from delivery.counting import Context
from delivery.group import TargetGroup
from delivery.refresh import columns, reading
from ledger import disclosures

MONTH_DAYS = 30.4375
"""Mean length of a month."""


def context(
    home: Path, group: TargetGroup, recipient_id: str | None, lists: Mapping[str, Path], now: datetime | None = None
) -> Context:
    """What an order knows of its recipient. lists: name -> file of each list that the group names. now: with a zone.

    Raises Refused for a list that cannot be read: who should be left out of a group must not be let in by a missing file.
    """
    own = {name: own_list(path) for name, path in lists.items()}
    if recipient_id is None:
        return Context(lists=own)
    moment = (now or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None)
    months = group.not_delivered_months
    since = moment - timedelta(days=MONTH_DAYS * months) if months else None
    return Context(
        recipient_id,
        delivered=frozenset(disclosures.to_recipient(home, recipient_id, since)) if since else frozenset(),
        ever=frozenset(disclosures.to_recipient(home, recipient_id, datetime(1970, 1, 1))),
        lists=own,
    )


def own_list(path: Path) -> pa.Table:
    """business_id and email of a customer's own list, CSV or XLSX, however its columns are called. Raises Refused."""
    if not path.is_file():
        raise Refused(f"there is no file {path}")
    register = reading.read(path)
    found = columns.find(register.headers, register.rows)
    told = {role: register.rows[found[role]] for role in ("business_id", "email") if role in found}
    if not told:
        raise Refused(f"{path.name}: no column of business ids or e-mail addresses")
    frame = pl.DataFrame(told)
    if "business_id" in told:
        read = pl.col("business_id").map_elements(normalise.business_id, return_dtype=pl.String)
        frame = frame.with_columns(business_id=pl.coalesce(read, "business_id"))
    return frame.to_arrow()
