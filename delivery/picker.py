"""Counts of target groups by bitmaps: the same numbers as delivery/selection.py, in milliseconds.

Of the cap and the sample only sizes are counted here, which need no ranks and no hashes; who it is, the selection says. Facets
and breakdowns are of whoever is available, before the two.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb
import numpy as np
from pyroaring import BitMap

from delivery import counting, criteria, selection, targets
from delivery.bitmaps import met, union
from delivery.counting import CAP, CRITERIA, DELIVERED, EXCLUSION, MOBILE, RELEVANCE, SAMPLE, Context
from delivery.group import TargetGroup, check
from delivery.index import Index, Values
from delivery.nearest import refuse
from delivery.tree import CHANNELS, All, Leaf, Not, Strict, condition

EARLIER_DAYS = 2
"""Indexes of groups as of an earlier day that are kept."""


@dataclass
class Count(counting.Waterfall):
    """A waterfall, and of whoever is available (before cap and sample) how many are new to the recipient, and what may bounce.

    expected_bounce: share of e-mail that will not arrive, 1 - mean p_current of its recipients; null without recipients.
    """

    available: int = 0
    new_to_you: int = 0
    email_recipients: int = 0
    expected_bounce: float | None = None


@dataclass
class Cell:
    """A number of a breakdown; null when it is too small to be shown, or would give away one that is."""

    values: tuple[str | None, ...]
    count: int | None


@dataclass
class _Stages:
    """What is left after each gate of the order. by_channel: whom a channel still reaches, of those available."""

    passed: BitMap
    relevant: BitMap
    wanted: BitMap
    available: BitMap
    by_channel: dict[str, BitMap] = field(default_factory=dict)


class Picker:
    """Counts over a published version. db: a desk (delivery/published.py) of that version; use from one thread at a time."""

    def __init__(self, db: duckdb.DuckDBPyConnection) -> None:
        self.db = db
        self.book = criteria.Codebook(db)
        self._indexes: OrderedDict[tuple[str, str, date | None], Index] = OrderedDict()
        self._away: tuple[Any, dict[str, BitMap]] | None = None
        self._held: tuple[Index, Context, BitMap] | None = None
        self._left: tuple[Any, tuple[BitMap, _Stages]] | None = None

    def index(self, unit: str, purpose: str = "marketing", as_of: date | None = None) -> Index:
        """The index of a unit and a purpose, made when it is first needed."""
        key = (unit, purpose, as_of)
        if key not in self._indexes:
            earlier = [one for one in self._indexes if one[2]]
            for old in earlier[: max(0, len(earlier) - EARLIER_DAYS + 1)] if as_of else ():
                self.db.execute(f"drop table {self._indexes.pop(old).table}")
            table = f"targets_{unit}_{purpose}" + (f"_{as_of:%Y%m%d}" if as_of else "")
            targets.make(self.db, unit, purpose, as_of, table)
            self.put(Index(self.db, unit, table), purpose, as_of)
        return self._indexes[key]

    def put(self, index: Index, purpose: str = "marketing", as_of: date | None = None) -> None:
        """Count by this index from now on."""
        self._indexes[index.unit, purpose, as_of] = index
        self._away = None

    def count(self, group: TargetGroup, context: Context | None = None) -> Count:
        """The waterfall of a group. Raises Refused as selection.select does."""
        context = context or Context()
        notes = check(group, self.book)
        index = self._of(group)
        passage = index.passages[_channels(group), group.channel_mode]
        matching, stages = self._matching(index, group, context)
        sizes = [len(rows) for rows in (stages.passed, stages.relevant, stages.wanted, stages.available)]
        capped = self._capped(index, group, stages.available)
        result = _sampled(group, capped)
        tail = {
            RELEVANCE: sizes[0] - sizes[1], EXCLUSION: sizes[1] - sizes[2], DELIVERED: sizes[2] - sizes[3],
            CAP: sizes[3] - capped, SAMPLE: capped - result,
        }  # fmt: skip
        among = {rank: rows.intersection_cardinality(matching) for rank, rows in passage.fallen.items()}
        mailed = stages.by_channel.get("email", BitMap())
        p_current = index.mean_p_current(mailed)
        return Count(
            counting.waterfall({**passage.lost, CRITERIA: len(passage.passing) - sizes[0], **tail}, result),
            counting.waterfall({**among, **tail}, result, "MATCHING"),
            notes,
            available=sizes[3],
            new_to_you=stages.available.difference_cardinality(self._had(index, context)),
            email_recipients=len(mailed),
            expected_bounce=None if p_current is None else round(1 - p_current, 4),
        )

    def some(self, group: TargetGroup, n: int, context: Context | None = None) -> list[str]:
        """Ids of at most n targets of those available, evenly spread over places and industries, always the same."""
        check(group, self.book)
        index = self._of(group)
        left = self._matching(index, group, context or Context())[1].available
        rows = [left[at * len(left) // n] for at in range(n)] if len(left) > n else list(left)
        found = self.db.execute(
            f"select target_id from {index.table} where row_no in (select unnest($1::uinteger[])) order by row_no", [rows]
        )
        return [target for (target,) in found.fetchall()]

    def facets(
        self, group: TargetGroup, dimensions: Iterable[str] | None = None, context: Context | None = None
    ) -> dict[str, list[Cell]]:
        """The values of each dimension with their counts, null for those that are not known.

        A condition on the dimension itself, when it stands at the top, is left out: what else could be chosen is what is asked.
        """
        check(group, self.book)
        index = self._of(group)
        names = list(dimensions or criteria.dimensions(group.unit))
        parts = [(part, self._rows(index, part)) for part in _conjuncts(group.criteria)]
        passage = index.passages[_channels(group), group.channel_mode]
        reach = self._stages(index, group, context or Context(), passage.passing & index.existed).available
        whole = met(reach, [rows for _, rows in parts])
        found = {}
        for name in names:
            column = self._dimension(index, group, name)
            others = [rows for part, rows in parts if not _is_about(part, name)]
            base = whole if len(others) == len(parts) else met(reach, others)
            cells: dict[tuple[Any, ...], int] = {
                (value,): base.intersection_cardinality(rows) for value, rows in column.maps.items()
            }
            if unknown := base.difference_cardinality(column.known):
                cells[None,] = unknown
            found[name] = _shown(group, cells)
        return found

    def breakdown(self, group: TargetGroup, dimensions: Sequence[str], context: Context | None = None) -> list[Cell]:
        """Who is available, by one or two dimensions; a person of two areas counts in both."""
        check(group, self.book)
        index = self._of(group)
        left: dict[tuple[Any, ...], BitMap] = {(): self._matching(index, group, context or Context())[1].available}
        *first, last = [self._dimension(index, group, name) for name in dimensions]
        for column in first:
            left = {
                (*key, value): rows & of_value
                for key, rows in left.items()
                for value, of_value in [*column.maps.items(), (None, index.everybody - column.known)]
            }
        cells = {
            (*key, value): rows.intersection_cardinality(of_value)
            for key, rows in left.items()
            for value, of_value in last.maps.items()
        } | {(*key, None): rows.difference_cardinality(last.known) for key, rows in left.items()}
        used = [{key[at] for key, count in cells.items() if count} for at in range(len(dimensions))]
        return _shown(group, {key: n for key, n in cells.items() if all(v in used[at] for at, v in enumerate(key))})

    def bands(
        self, group: TargetGroup, name: str, bands: Sequence[tuple[float | None, float | None]], context: Context | None = None
    ) -> list[Cell]:
        """Who is available by bands of a range (low, high, both included; null: open), by their places; null: unknown."""
        check(group, self.book)
        index = self._of(group)
        left = self._matching(index, group, context or Context())[1].available
        found, known = index.bands(name, tuple(bands))
        cells: dict[tuple[Any, ...], int] = {
            (str(place),): left.intersection_cardinality(rows) for place, rows in enumerate(found)
        }
        if unknown := left.difference_cardinality(known):
            cells[None,] = unknown
        return _shown(group, cells)

    def _of(self, group: TargetGroup) -> Index:
        return self.index(group.unit, group.purpose, group.as_of)

    def _dimension(self, index: Index, group: TargetGroup, name: str) -> Values:
        if name not in criteria.dimensions(group.unit):
            raise refuse("dimension", name, criteria.dimensions(group.unit))
        column = index.columns[name]
        assert isinstance(column, Values)
        return column

    def _rows(self, index: Index, node: Strict | None) -> BitMap:
        if node is None:
            return index.everybody
        if isinstance(node, Leaf):
            return index.rows(self.book.test(*condition(node)))
        if isinstance(node, Not):
            return index.everybody - self._rows(index, node.not_)
        if isinstance(node, All):
            first, *others = (self._rows(index, child) for child in node.all)
            return met(first, others)
        return union([self._rows(index, child) for child in node.any])  # type: ignore[attr-defined]

    def _matching(self, index: Index, group: TargetGroup, context: Context) -> tuple[BitMap, _Stages]:
        """Those of the population that match, and what the gates leave of them; kept for the next question, which most often
        is of the same group: a page asks eight at once."""
        key = (index, group, context)
        if self._left is None or any(one is not other for one, other in zip(self._left[0], key, strict=True)):
            passage = index.passages[_channels(group), group.channel_mode]
            matching = self._rows(index, group.criteria) & passage.population & index.existed
            self._left = (key, (matching, self._stages(index, group, context, matching & passage.passing)))
        return self._left[1]

    def _stages(self, index: Index, group: TargetGroup, context: Context, passed: BitMap) -> _Stages:
        """From those that match and pass the standing gates to those available, channel by channel."""
        requested = _channels(group)
        away = self._turned_away(index, group, context)
        still = {channel: passed & index.open[channel] for channel in requested}
        relevant, still = _channelled(group, passed, still, {c: self._irrelevant(index, group, c) for c in requested})
        wanted, still = _channelled(group, relevant, still, {c: away.get(f"{c}_objected") for c in requested})
        wanted = wanted - away["excluded"] if "excluded" in away else wanted
        wanted = wanted & away["included"] if "included" in away else wanted
        available = wanted - away["delivered"] if "delivered" in away else wanted
        if "email" in still:
            still["email"] = (still["email"] & available) - index.kinds["email"].get("kielto", BitMap())
        return _Stages(passed, relevant, wanted, available, still)

    def _irrelevant(self, index: Index, group: TargetGroup, channel: str) -> BitMap | None:
        """Whom a channel may not be used for because of what the campaign is about; as selection.relevance."""
        if group.purpose != "marketing":
            return None
        if channel == "phone" and group.campaign.topic == MOBILE:
            return index.kinds["phone"].get("natural_person")
        if channel == "email" and not group.campaign.override_reason:
            named = index.kinds["email"].get("natural_person_work")
            if named is None or group.unit == "organisation" or not group.campaign.areas:
                return named
            areas = index.columns["area"]
            assert isinstance(areas, Values)
            return named - union([areas.maps[area] for area in group.campaign.areas if area in areas.maps])
        return None

    def _turned_away(self, index: Index, group: TargetGroup, context: Context) -> dict[str, BitMap]:
        """Rows of the order's lists; the last answer is kept, for the next count is most often of the same customer."""
        if not (group.include or group.exclude or group.not_delivered_months or context.recipient_id):
            return {}
        key = (id(index), tuple(group.include), tuple(group.exclude), group.not_delivered_months, id(context), context)
        if self._away is None or self._away[0][:-1] != key[:-1]:
            named = selection.away(self.db, group, context)
            rows = {
                what: self._named(index, pairs) if what in ("included", "excluded") else self._exactly(index, pairs)
                for what, pairs in named.items()
            }
            # The context is kept with the answer, so that its id stays its own.
            self._away = (key, {what: found for what, found in rows.items() if found or what == "included"})
        return self._away[1]

    def _had(self, index: Index, context: Context) -> BitMap:
        """Whom the recipient was given before; kept as above."""
        if self._held is None or self._held[0] is not index or self._held[1] is not context:
            self._held = (index, context, self._exactly(index, context.ever | context.delivered))
        return self._held[2]

    def _named(self, index: Index, pairs: Iterable[tuple[str | None, str | None]]) -> BitMap:
        persons = [person for person, _ in pairs if person]
        places = [place for person, place in pairs if not person]
        return index.where(
            "person_id in (select unnest($1::varchar[])) or business_id in (select unnest($2::varchar[]))", [persons, places]
        )

    def _exactly(self, index: Index, pairs: Iterable[tuple[str | None, str | None]]) -> BitMap:
        ids = sorted(f"{person or ''}|{place}" for person, place in pairs)
        return index.where("target_id in (select unnest($1::varchar[]))", [ids]) if ids else BitMap()

    def _capped(self, index: Index, group: TargetGroup, rows: BitMap) -> int:
        """How many are left of rows when each company keeps at most so many; those of one stand side by side."""
        if not group.per_company or not rows:
            return len(rows)
        company = index.company[np.asarray(rows.to_array())]
        starts = np.flatnonzero(np.r_[True, company[1:] != company[:-1]])
        if group.per_company.max == 1:
            return len(starts)
        return int(np.minimum(np.diff(np.r_[starts, len(company)]), group.per_company.max).sum())


def _channels(group: TargetGroup) -> tuple[str, ...]:
    return tuple(channel for channel in CHANNELS if channel in group.channels)


def _channelled(
    group: TargetGroup, left: BitMap, still: dict[str, BitMap], closed: dict[str, BitMap | None]
) -> tuple[BitMap, dict[str, BitMap]]:
    """Who is left when some channels are closed to some: any keeps whom one still reaches, all loses whom one does not."""
    shut = {channel: rows for channel, rows in closed.items() if rows}
    if not shut:
        return left, still
    still = {channel: rows - shut[channel] if channel in shut else rows for channel, rows in still.items()}
    return (union(list(still.values())) if group.channel_mode == "any" else met(left, list(still.values()))), still


def _conjuncts(node: Strict | None) -> list[Strict]:
    return [] if node is None else list(node.all) if isinstance(node, All) else [node]


def _is_about(part: Strict, dimension: str) -> bool:
    return isinstance(part, Leaf) and criteria.dimension_of(part.field) == dimension


def _sampled(group: TargetGroup, size: int) -> int:
    """How many a sample leaves: strata share what is asked for, cells split it, the hold-out stays at home."""
    sample = group.sample
    if not sample:
        return size
    drawn = min(sample.n or size, size)
    return drawn - counting.kept_back(drawn, sample.hold_out)


def _shown(group: TargetGroup, cells: dict[tuple[Any, ...], int]) -> list[Cell]:
    hidden = counting.cells_hidden(cells) if group.unit == "person" else set()
    return [Cell(key, None if key in hidden else cells[key]) for key in sorted(cells, key=lambda key: [*map(str, key)])]
