"""`targets` as roaring bitmaps: for each value of each criterion the rows that have it; a condition is a union of a few.

A set has a bitmap for each value. A range has its rows in order of value, cut into blocks, and bitmaps of the first 1/32, 2/32
... of them: any range is the difference of two and some blocks, where slices by bit need two operations for each of twenty
bits. A text is looked for in the distinct ones. The chance of being current is sliced by bit: a mean over any rows is thirteen
counts. What it costs at 1,000,000 organisations: bench/picker.py.
"""

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations, pairwise
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl
from pyroaring import BitMap

from delivery import criteria, targets
from delivery.bitmaps import Rows, of_mask, of_rows, union
from delivery.counting import STANDING
from delivery.tree import CHANNELS

MARKS = 32
BLOCKS = 512
P_BITS = 12
Bands = tuple[tuple[float | None, float | None], ...]


@dataclass
class Values:
    """A set: the rows of each value. known: those that have any; total: of all rows."""

    maps: dict[str, BitMap]
    total: int
    is_list: bool
    known: BitMap = field(init=False)
    ordered: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.known = union(list(self.maps.values()))
        self.ordered = sorted(self.maps)

    def rows(self, test: criteria.Test) -> BitMap:
        """The rows of which the test holds."""
        if test.how == "values":
            return union([self.maps[word] for word in test.words if word in self.maps])
        found: dict[str, BitMap] = {}
        for word in test.words:
            for at in range(bisect_left(self.ordered, word), len(self.ordered)):
                value = self.ordered[at]
                if not value.startswith(word):
                    break
                found[value] = self.maps[value]
        return union(list(found.values()))


@dataclass
class Ordered:
    """A range: rows by ascending value, cut into blocks at values of their own. firsts: all rows before some of the cuts."""

    values: npt.NDArray[np.float64]
    rows_by_value: Rows
    size: int
    cuts: list[int] = field(init=False)
    blocks: list[BitMap] = field(init=False)
    marks: list[int] = field(init=False)
    firsts: list[BitMap] = field(init=False)

    def __post_init__(self) -> None:
        starts = np.flatnonzero(np.r_[True, self.values[1:] != self.values[:-1]]) if len(self.values) else np.zeros(1, np.int64)
        evenly = np.arange(BLOCKS) * len(self.values) // BLOCKS
        few = starts if len(starts) <= BLOCKS else np.unique(starts[np.searchsorted(starts, evenly, "right") - 1])
        self.cuts = [*few.tolist(), len(self.values)]
        self.blocks = [of_rows(self.rows_by_value[a:b], self.size) for a, b in pairwise(self.cuts)]
        self.marks, self.firsts = [0], [BitMap()]
        for at in range(1, len(self.cuts)):
            if self.cuts[at] >= len(self.values) * len(self.marks) // MARKS:
                self.firsts.append(union([self.firsts[-1], *self.blocks[self.marks[-1] : at]]))
                self.marks.append(at)

    def rows(self, test: criteria.Test) -> BitMap:
        """The rows of which the test holds."""
        first = 0 if test.low is None else int(np.searchsorted(self.values, number(test.low), "left"))
        last = len(self.values) if test.high is None else int(np.searchsorted(self.values, number(test.high), "right"))
        # From one cut to another by whole blocks; what sticks out at the ends row by row.
        start, end = bisect_left(self.cuts, first), bisect_left(self.cuts, last + 1) - 1
        if first >= last or start >= end:
            return of_rows(self.rows_by_value[first:last], self.size)
        ends = [
            of_rows(self.rows_by_value[a:b], self.size)
            for a, b in ((first, self.cuts[start]), (self.cuts[end], last)) if a < b
        ]  # fmt: skip
        left, right = bisect_left(self.marks, start), bisect_left(self.marks, end + 1) - 1
        if left >= right:
            return union([*self.blocks[start:end], *ends])
        whole = self.firsts[right] - self.firsts[left]
        return union([whole, *self.blocks[start : self.marks[left]], *self.blocks[self.marks[right] : end], *ends])


@dataclass
class Texts:
    """A text: the distinct ones, and which of them each row has (that of none is the one past the last)."""

    texts: pl.Series
    of_row: npt.NDArray[np.uint32]

    def rows(self, test: criteria.Test) -> BitMap:
        """The rows of which the test holds."""
        holds = self.texts.str.contains(test.words[0], literal=True).to_numpy()
        return of_mask(np.append(holds, False)[self.of_row])


@dataclass
class Passage:
    """The standing gates for some channels and a mode: who is in the population, who falls at which rank, who passes."""

    population: BitMap
    fallen: dict[int, BitMap]
    passing: BitMap
    lost: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.lost = {rank: len(rows) for rank, rows in self.fallen.items()}


class Index:
    """The bitmaps of one table of targets. db: a desk that has it; it is asked again for lists only."""

    def __init__(self, db: duckdb.DuckDBPyConnection, unit: str, table: str = "targets") -> None:
        self.db, self.unit, self.table = db, unit, table
        ((self.size,),) = db.execute(f"select count(*) from {table}").fetchall()
        self.everybody = BitMap(range(self.size)) if self.size else BitMap()
        self.columns: dict[str, Values | Ordered | Texts] = {one.code: self._column(one) for one in targets.columns(unit)}
        self.existed = of_rows(self._rows("existed"), self.size)
        self.kinds: dict[str, dict[str, BitMap]] = {c: self._values(f"{c}_kind", is_list=False).maps for c in CHANNELS}
        self._gates()
        # Ids only tell organisations apart here: those of one stand side by side.
        told = db.execute(f"select row_no, dense_rank() over (order by business_id) from {table}").fetchnumpy()
        self.company = self._placed(told["row_no"], next(v for k, v in told.items() if k != "row_no"), np.uint32)
        self.slices = self._slices() if unit == "person" else []
        self._bands: dict[tuple[str, Bands], tuple[list[BitMap], BitMap]] = {}

    def _rows(self, condition: str) -> Rows:
        told = self.db.execute(f"select row_no from {self.table} where {condition}").fetchnumpy()
        return np.asarray(told["row_no"], dtype=np.uint32)

    def _placed(self, rows: Any, values: Any, kind: Any) -> Any:
        placed = np.zeros(self.size, dtype=kind)
        placed[rows] = values
        return placed

    def _column(self, criterion: criteria.Criterion) -> Values | Ordered | Texts:
        code = criterion.code
        if criterion.kind == "range":
            value = f"date_diff('day', date '1970-01-01', {code})" if criterion.codes == "date" else code
            told = self.db.execute(
                f"select cast({value} as double) as value, row_no from {self.table} where {code} is not null order by all"
            ).fetchnumpy()
            return Ordered(np.asarray(told["value"]), np.asarray(told["row_no"], dtype=np.uint32), self.size)
        if criterion.kind == "text":
            texts, starts, rows = self._grouped(code)
            of_row = np.full(self.size, len(texts), dtype=np.uint32)
            of_row[rows] = np.repeat(np.arange(len(texts), dtype=np.uint32), np.diff(starts))
            return Texts(pl.Series(texts, dtype=pl.String), of_row)
        return self._values(f"cast({code} as varchar)" if criterion.kind == "flag" else code, criterion.is_list)

    def _values(self, sql: str, is_list: bool) -> Values:
        values, starts, rows = self._grouped(f"unnest({sql})" if is_list else sql)
        return Values(
            {value: _packed(of_rows(rows[starts[at] : starts[at + 1]], self.size)) for at, value in enumerate(values)},
            self.size,
            is_list,
        )

    def _grouped(self, sql: str) -> tuple[list[str], npt.NDArray[np.int64], Rows]:
        """Distinct values, where the rows of each start, and all rows side by side."""
        told: Any = self.db.sql(
            f"""select value, list(row_no) as rows from (select {sql} as value, row_no from {self.table})
                where value is not null group by value order by value"""
        ).to_arrow_table()
        told = told.combine_chunks()
        lists = [told["rows"].chunk(at) for at in range(told["rows"].num_chunks)]
        rows = np.concatenate([one.flatten().to_numpy() for one in lists]) if lists else np.empty(0, np.uint32)
        lengths = np.concatenate([np.diff(one.offsets.to_numpy()) for one in lists]) if lists else np.empty(0, np.int64)
        return told["value"].to_pylist(), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), rows

    def _gates(self) -> None:
        told = self.db.execute(
            f"select row_no, {', '.join(f'coalesce({c}_gate, -1) as {c}' for c in CHANNELS)} from {self.table}"
        ).fetchnumpy()
        gate = {c: self._placed(told["row_no"], told[c], np.int8) for c in CHANNELS}
        self.open: dict[str, BitMap] = {c: of_mask(gate[c] == 0) for c in CHANNELS}
        self.passages: dict[tuple[tuple[str, ...], str], Passage] = {}
        for size in range(1, len(CHANNELS) + 1):
            for some in combinations(CHANNELS, size):
                for mode in ("any", "all"):
                    self.passages[some, mode] = self._passage([gate[c] for c in some], mode)

    def _passage(self, gates: list[Any], mode: str) -> Passage:
        """As selection.py: in mode any a target falls where the last of its channels does, in mode all where the first does."""
        stacked: Any = np.stack(gates)
        if mode == "any":
            there = (stacked >= 0).any(axis=0)
            fall = np.where((stacked == 0).any(axis=0), 0, stacked.max(axis=0))
        else:
            there = (stacked >= 0).all(axis=0)
            fall = np.where(stacked > 0, stacked, 100).min(axis=0) % 100
        fall = np.where(there, fall, -1)
        fallen = {rank: of_mask(fall == rank) for rank in range(1, len(STANDING) + 1)}
        return Passage(
            of_mask(there),
            {rank: rows for rank, rows in fallen.items() if rows},
            of_mask(fall == 0),
        )

    def _slices(self) -> list[BitMap]:
        """Bit by bit the chance of being current, in 1/4095; the last one: of whom it is known."""
        ordered = self.columns["p_current"]
        assert isinstance(ordered, Ordered)
        scaled = np.rint(ordered.values * (2**P_BITS - 1)).astype(np.int32)
        bits = [of_rows(ordered.rows_by_value[(scaled >> bit) & 1 == 1], self.size) for bit in range(P_BITS)]
        return [*bits, of_rows(ordered.rows_by_value, self.size)]

    def mean_p_current(self, rows: BitMap) -> float | None:
        """Mean chance of being current over rows of which it is known."""
        known = rows.intersection_cardinality(self.slices[-1]) if self.slices else 0
        if not known:
            return None
        told = sum(rows.intersection_cardinality(bits) << bit for bit, bits in enumerate(self.slices[:-1]))
        return float(told / (2**P_BITS - 1) / known)

    def where(self, sql: str, parameters: list[Any]) -> BitMap:
        """The rows of a condition on the table itself."""
        told = self.db.execute(f"select row_no from {self.table} where {sql}", parameters).fetchnumpy()
        return of_rows(np.asarray(told["row_no"], dtype=np.uint32), self.size)

    def rows(self, test: criteria.Test) -> BitMap:
        """The rows of which a condition holds; nobody may change them."""
        column = self.columns[test.column]
        if test.how == "flag":
            assert isinstance(column, Values)
            return column.maps.get(str(test.wants).lower(), BitMap())
        return column.rows(test)

    def bands(self, code: str, bands: Bands) -> tuple[list[BitMap], BitMap]:
        """The rows in each band (low, high, both included; null: open) of a range, and those in any; asked for once.

        Nobody may change them.
        """
        if (code, bands) not in self._bands:
            found = [self.rows(criteria.Test(code, "range", low=low, high=high)) for low, high in bands]
            self._bands[code, bands] = (found, union(found))
        return self._bands[code, bands]


def _packed(rows: BitMap) -> BitMap:
    """Runs where they are shorter: rows are ordered by place and industry."""
    rows.run_optimize()
    return rows


def number(value: criteria.Scalar) -> float:
    """A number, or days since 1970-01-01."""
    return float((value - date(1970, 1, 1)).days) if isinstance(value, date) else float(value)
