"""The made-up Finland itself: what is really so, day by day. Source modules (ytj.py, ptv.py ...) write it in their formats.

State lives in DuckDB tables and moves by set-based SQL: `found.sql` creates organisations, `evolve.sql` takes the world a
day on, `draws.sql` holds every chance. Nothing here knows a source's format; a new kind of thing (people) is a new table.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from ingest.synthetic import reference, words

HERE = Path(__file__).parent

VERSION = "3"
"""Version of the made-up world: raised whenever the same seed gives another one."""

MOST_ORGANISATIONS = 1_800_000
"""How many ids the bijection in draws.sql holds: 200,000 six-digit prefixes with nine seventh digits each."""

CALM = 0.1
"""What share of a daily world's events befalls companies when the days lie apart.

1 % of all records changing in a day is what the real register shows (INFERRED: corrections among them); kept up over two years
it would end every second firm. A tenth of it ends 3 % and bankrupts 1 % a year. People move as fast as ever.
"""

CEASED_SHARE = 0.05
"""Organisations that ceased before the first day, found by search but never in the bulk, per organisation in the bulk.

The real share is about 0.77 (819,000 found by search, 462,000 in the bulk); fewer are enough to be tripped by them.
"""


def _weights(pairs: str) -> dict[str, int]:
    """{"16": 6870, ...} from "16:6870 ..."."""
    return {code: int(weight) for code, weight in (pair.split(":") for pair in pairs.split())}


# Legal forms per 10,000 of the bulk: SOURCES.md 1.2, then rare forms at a guess, first those that occur with Finnish text only.
FORM_WEIGHTS = _weights(
    "16:6870 2:2008 13:437 10:381 5:150 14:68 17:7 56:20 55:5 63:5 38:3 39:3 71:3 21:3 3:1 9:1 23:1 80:1 "
    "19:10 18:6 6:6 15:4 20:1 22:1 12:1 24:1 4:1 83:1 25:1"
)
# Sections of TOL 2025 per mille, roughly: trade, building and services first (a guess).
SECTION_WEIGHTS = _weights("A:60 B:5 C:90 D:8 E:8 F:160 G:150 H:70 I:55 J:25 K:60 L:60 M:60 N:140 O:60 P:1 Q:25 R:55 S:35 T:50")
# Relative weight of the biggest towns; every other municipality has 10.
TOWN_WEIGHTS = _weights(
    "091:1200 049:480 092:360 837:420 853:360 564:330 179:230 398:190 297:190 "
    "609:120 905:120 743:110 167:100 109:100 286:100 405:100 478:90 106:70"
)
EVENT_WEIGHTS = _weights(
    "moved:30 renamed:8 industry:14 website:10 employer:14 bankrupt:4 liquidation:3 restructuring:2 ceased:9 disappeared:6"
)


class World:
    """The organisations of a made-up Finland on one day; `next_day` moves on.

    `connection` holds table `organisation` (columns: found.sql; a row per organisation that ever was) and schema `reference`.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        organisations: int,
        seed: int,
        start: date,
        change_share: float,
        every: int = 1,
    ):
        self.connection = connection
        self.organisations = organisations
        self.day = self.start = start
        self.change_share = change_share
        self.every = every
        self.gap = 1
        self.numbers = 0
        reference.load(connection)
        connection.execute("SET VARIABLE seed = ?::BIGINT", [seed])
        self._load_words()
        for name, weights in [
            ("form", FORM_WEIGHTS),
            ("section", SECTION_WEIGHTS),
            ("town", TOWN_WEIGHTS),
        ]:
            column = "section" if name == "section" else "code"
            connection.execute(f"CREATE TABLE {name}_weight ({column} VARCHAR, weight BIGINT)")
            connection.executemany(f"INSERT INTO {name}_weight VALUES (?, ?)", list(weights.items()))
        self.run(HERE / "draws.sql")
        self.run(HERE / "found.sql")
        connection.execute(
            "CREATE TABLE organisation AS FROM founded(0, 1, ?::DATE, 'base', 1) LIMIT 0",
            [start],
        )
        self._found(organisations, "base")
        self._found(round(organisations * CEASED_SHARE), "historic")
        self.run(HERE / "evolve.sql")

    def next_day(self, day: date) -> None:
        """Move the world to `day`: events to those that are, and 0.15 * change_share newly founded organisations a day.

        What happens in a gap of several days is dated within it, and is as likely as in that many days.
        """
        self.gap, self.day = (day - self.day).days, day
        share = self.change_share * (1 if self.every == 1 else CALM)
        self.connection.execute("CREATE TABLE organisation_next AS FROM organisation LIMIT 0")
        for first, last in self.slices():
            self.connection.execute(
                "INSERT INTO organisation_next FROM evolved(?::BIGINT, ?::BIGINT, ?::DATE, ?, ?::INTEGER) ORDER BY number",
                [first, last, day, share, self.gap],
            )
        self.connection.execute("DROP TABLE organisation")
        self.connection.execute("ALTER TABLE organisation_next RENAME TO organisation")
        self._found(round(self.organisations * share * 0.15 * self.gap), "new")

    def slices(self, size: int = 100_000) -> Iterator[tuple[int, int]]:
        """Ranges of organisation numbers [first, last) to work through: what bounds memory, whatever the size of the world."""
        for first in range(0, self.numbers, size):
            yield first, min(first + size, self.numbers)

    def run(self, script: Path) -> None:
        """Run an SQL script in the world: how a source module brings its own tables, macros and views."""
        self.connection.execute(script.read_text(encoding="utf-8"))

    def _found(self, count: int, origin: str) -> None:
        first, self.numbers = self.numbers, self.numbers + count
        if self.numbers > MOST_ORGANISATIONS:
            raise ValueError(f"at most {MOST_ORGANISATIONS:,} organisations fit in the reserved business ids")
        for start in range(first, self.numbers, 100_000):
            self.connection.execute(
                "INSERT INTO organisation FROM founded(?::BIGINT, ?::BIGINT, ?::DATE, ?, ?::INTEGER) ORDER BY number",
                [start, min(start + 100_000, self.numbers), self.day, origin, self.gap],
            )

    def _load_words(self) -> None:
        lists = {name.lower(): value for name, value in vars(words).items() if name.isupper() and isinstance(value, list)}
        lists["foreign_countries"] = [country for country, _ in words.FOREIGN_LINES]
        lists["foreign_lines"] = [line for _, line in words.FOREIGN_LINES]
        lists["awkward_names"] = lists.pop("awkward")
        lists["events"] = [event for event, weight in EVENT_WEIGHTS.items() for _ in range(weight)]
        for name, values in lists.items():
            self.connection.execute(f"SET VARIABLE {name} = ?::VARCHAR[]", [values])


@contextmanager
def world(organisations: int, seed: int, start: date, change_share: float, every: int = 1) -> Iterator[World]:
    """A world on its first day, in a temporary database on disk: memory stays bounded whatever the size.

    every: days from one day of the world to the next.
    """
    with TemporaryDirectory(prefix="kohde-world-") as folder:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": "1GB",
            "temp_directory": str(Path(folder) / "spill"),
            "preserve_insertion_order": True,
            # Otherwise DuckDB 2.0.0 dies at some sizes, such as 300 organisations, with "INTERNAL Error: dict-surviving join:
            # narrowed column 10 received a non-dictionary chunk": either of the two alone avoids the cases seen.
            "disabled_optimizers": "build_side_probe_side,join_filter_pushdown",
        }
        with duckdb.connect(Path(folder) / "world.duckdb", config=config) as connection:
            yield World(connection, organisations, seed, start, change_share, every)
