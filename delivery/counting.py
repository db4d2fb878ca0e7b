"""What a count is: the waterfall from the population to the result, the losses among those that match, what may be shown.

The order of the gates is DESIGN 4's. The sum of all losses and the result is the population, always.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

STANDING = (
    "SAFETY", "ERASED", "OBJECTION_PERSON", "OBJECTION_ORGANISATION", "OBJECTION_CHANNEL", "EXTERNAL_LIST", "REVIEW",
    "ROLE_EXCLUDED", "ORGANISATION_STATUS", "NOTICE_DUE", "LEGAL_FORM_CHANNEL", "STALE",
)  # fmt: skip
"""The gates that every row of the marts has been through, by rank from 1; seed gates.csv has them too."""
ORDERED = ("CRITERIA", "RELEVANCE", "CUSTOMER_EXCLUSION", "ALREADY_DELIVERED", "PER_COMPANY_CAP", "SAMPLE")
"""The gates of one order, in their order."""
GATES = (*STANDING, *ORDERED)
CRITERIA, RELEVANCE, EXCLUSION, DELIVERED, CAP, SAMPLE = range(len(STANDING) + 1, len(GATES) + 1)
SMALL = 5
"""Of persons a cell below this is not shown: it would tell of somebody."""
SMALL_COUNTS = "SMALL_COUNTS"
"""The line of a waterfall that stands for gates whose own counts are not shown."""

MOBILE = "mobile_subscriptions"
"""The topic whose telephone marketing to natural persons is forbidden (L-05)."""


@dataclass(frozen=True)
class Context:
    """What an order knows beyond its group.

    delivered: (person_id or None, business_id) that the recipient was given within the group's months; ever: whenever.
    lists: by name, rows of the customer's own with any of the columns business_id, person_id, email.
    """

    recipient_id: str | None = None
    delivered: frozenset[tuple[str | None, str]] = frozenset()
    ever: frozenset[tuple[str | None, str]] = frozenset()
    lists: Mapping[str, pa.Table] = field(default_factory=dict)


@dataclass
class Waterfall:
    """Losses by gate. waterfall: among the population; matching: among those of it that match the criteria."""

    waterfall: list[dict[str, Any]]
    matching: list[dict[str, Any]]
    notes: list[str] = field(default_factory=list)

    @property
    def result(self) -> int:
        """How many targets are left: the rows of the extract."""
        return int(self.waterfall[-1]["count"])


def waterfall(losses: Mapping[int, int], result: int, first: str = "POPULATION") -> list[dict[str, Any]]:
    """The gates with their losses by rank, after a first line of their sum with the result. `matching` has no gate CRITERIA."""
    gates: list[dict[str, Any]] = [
        {"gate": gate, "count": losses.get(rank, 0)}
        for rank, gate in enumerate(GATES, 1)
        if first == "POPULATION" or rank != CRITERIA
    ]
    population = result + sum(int(line["count"]) for line in gates)
    return [{"gate": first, "count": population}, *gates, {"gate": "RESULT", "count": result}]


W = TypeVar("W", bound=Waterfall)


def protected(told: W) -> W:
    """As a recipient may see it: gates of 1 to 4 persons in one line with others, SMALL of them at least. It still adds up.

    What fell at a standing gate is protected among those that match. Of the population it is the same for every group. No
    line of `matching` is left where all its losses together are fewer than SMALL.
    """
    losses = {line["gate"]: int(line["count"]) for line in told.matching[1:-1]}
    criteria = next(int(line["count"]) for line in told.waterfall if line["gate"] == GATES[CRITERIA - 1])
    few = _few(losses)
    everywhere = few & set(ORDERED)
    if criteria < SMALL:  # Both then say nearly the same: what one hides the other must not show.
        everywhere = set(GATES) if criteria else few
    elif everywhere:
        everywhere.add(GATES[CRITERIA - 1])
    is_enough = not few or sum(losses[gate] for gate in few) >= SMALL
    return replace(
        told, waterfall=_folded(told.waterfall, everywhere), matching=_folded(told.matching, few) if is_enough else []
    )


def _few(losses: Mapping[str, int]) -> set[str]:
    """The gates that are not shown one by one: those of a few, and the next larger ones until they are SMALL together."""
    few = {gate for gate, count in losses.items() if 0 < count < SMALL}
    for gate in sorted(losses, key=lambda gate: losses[gate]):
        if few and losses[gate] and sum(losses[one] for one in few) < SMALL:
            few.add(gate)
    return few


def _folded(lines: list[dict[str, Any]], gates: set[str]) -> list[dict[str, Any]]:
    count = sum(int(line["count"]) for line in lines if line["gate"] in gates)
    shown = [line for line in lines if line["gate"] not in gates]
    return [*shown[:-1], {"gate": SMALL_COUNTS, "count": count}, shown[-1]] if gates else lines


def cells_hidden(cells: Mapping[tuple[Any, ...], int]) -> set[tuple[Any, ...]]:
    """Which cells of a breakdown may not be shown: 1 to 4, and where a line has only one of these, another one beside it.

    A line is all cells that differ in one place. The other is the smallest that is shown, so that what is hidden cannot be
    computed from the sum of the line.
    """
    hidden = {key for key, count in cells.items() if 0 < count < SMALL}
    if not hidden:
        return hidden
    lines: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for key in cells:
        for place in range(len(key)):
            lines.setdefault((place, *key[:place], ..., *key[place + 1 :]), []).append(key)
    changed = True
    while changed:
        changed = False
        for line in lines.values():
            if len([key for key in line if key in hidden]) == 1 and len(line) > 1:
                shown = [key for key in line if key not in hidden]
                # One of nobody only if there is none of somebody: a nought that is shown tells nothing.
                hidden.add(min(shown, key=lambda key: (cells[key] == 0, cells[key], str(key))))
                changed = True
    return hidden


def shares(sizes: Sequence[int], n: int) -> list[int]:
    """How many of a sample of n each stratum gives: its part, the remainders to the largest fractions, ties to the first."""
    total = sum(sizes)
    if n >= total:
        return list(sizes)
    given = [size * n // total for size in sizes]
    order = sorted(range(len(sizes)), key=lambda at: (-(sizes[at] * n % total), at))
    for at in order[: n - sum(given)]:
        given[at] += 1
    return given


def kept_back(size: int, hold_out: float) -> int:
    """How many of a sample are held out."""
    return int(size * hold_out + 1e-9)


def on_lists(db: duckdb.DuckDBPyConnection, table: pa.Table) -> list[tuple[str | None, str | None]]:
    """Whom a customer's list names: (person_id, None), (None, business_id) of an organisation and everybody there, or both.

    An e-mail address names the person who has it, wherever they are, or the organisation whose own it is.
    """
    columns = [column for column in ("business_id", "person_id", "email") if column in table.column_names]
    rows = {
        tuple(row.get(column) for column in ("business_id", "person_id", "email")) for row in table.select(columns).to_pylist()
    }
    named: set[tuple[str | None, str | None]] = set()
    mailboxes = set()
    for business_id, person_id, email in rows:
        if person_id:
            named.add((person_id, None))
        elif email:
            mailboxes.add(email.strip().lower())
        elif business_id:
            named.add((None, business_id.strip()))
    if mailboxes:
        found = db.execute(
            """select person_id, null from registry.decision_makers where lower(email) in (select unnest($1::varchar[]))
               union
               select null, business_id from registry.organisations where lower(email) in (select unnest($1::varchar[]))""",
            [sorted(mailboxes)],
        ).fetchall()
        named |= {(person, organisation) for person, organisation in found}
    return sorted(named, key=str)
