"""Everybody else in the made-up Finland: public bodies, associations, foundations, sole traders, and the people of all of them.

A person is a number from which name, birth and language follow (society.sql); what changes by the day is table `tenure`: who
holds which place in which organisation. It grows beside the companies of world.py and never changes what these are.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from ingest.synthetic.world import MOST_ORGANISATIONS, World

HERE = Path(__file__).parent

PER_COMPANY = {"association": 0.22, "foundation": 0.006, "sole_trader": 0.3}
"""Others per company in the bulk: 106,000 associations and 2,800 foundations to 462,000 companies; sole traders at a guess."""
PUBLIC_SHARES = {"municipality": 0.55, "county": 0.04, "joint_authority": 0.21, "state": 0.2}
MOST_PUBLIC = 530
"""About as many public bodies as Finland has; small worlds have fewer."""

# Per ordinary event a day brings (change_share), how often a place changes hands: roughly one in six positions a year.
TURNOVER = {"TJ": 0.03, "HAL": 0.02, "position": 0.05}


class Society:
    """Grows `other`, `entity` and `tenure` in the world's database; `next_day` follows the world's."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.others = 0
        self.people_of = 0
        world.run(HERE / "society.sql")
        public = min(MOST_PUBLIC, max(10, world.organisations // 100))
        for kind, share in PUBLIC_SHARES.items():
            self._found(kind, max(1, round(public * share)), is_new=False)
        self.public = self.others
        for kind, share in PER_COMPANY.items():
            self._found(kind, max(3, round(world.organisations * share)), is_new=False)
        for first, last in self.slices():
            self._settle(first, last)
        self.people_of = world.numbers

    def next_day(self) -> None:
        """Places change hands, those of ceased organisations end, and new organisations get theirs."""
        connection, day, share = self.world.connection, self.world.day, self.world.change_share
        connection.execute("DROP TABLE IF EXISTS leaving")
        connection.execute(
            """CREATE TABLE leaving AS
            SELECT t.number, t.slot, t.generation, e.status = 'ceased' AS is_end, e.staff
            FROM tenure AS t
            INNER JOIN entity AS e ON t.number = e.number
            WHERE t.ended_on IS NULL AND t.started_on < $day
                AND (e.status = 'ceased' OR chance(place_key(t.number, t.slot, t.generation), 'leaves' || $day,
                    $share * CASE WHEN t.organ = 'TJ' THEN $md WHEN t.organ IS NULL THEN $position ELSE $board END))""",
            {"day": day, "share": share, "md": TURNOVER["TJ"], "board": TURNOVER["HAL"], "position": TURNOVER["position"]},
        )
        connection.execute(
            """INSERT INTO tenure
            SELECT t.number, t.slot, t.generation + 1,
                holder(t.number, t.slot, t.generation + 1, t.organ, l.staff, $companies),
                t.organ, t.role, t.title, t.level, t.area_codes, t.language, $day, NULL
            FROM tenure AS t
            INNER JOIN leaving AS l ON t.number = l.number AND t.slot = l.slot AND t.generation = l.generation
            WHERE NOT l.is_end AND t.generation < 120
            ORDER BY t.number, t.slot""",
            {"day": day, "companies": self.world.organisations},
        )
        connection.execute(f"CREATE OR REPLACE VIEW arrived AS SELECT person FROM tenure WHERE started_on = DATE '{day}'")
        connection.execute("INSERT INTO person FROM people('arrived')")
        connection.execute(
            """UPDATE tenure SET ended_on = $day::DATE - 1 FROM leaving AS l
            WHERE tenure.number = l.number AND tenure.slot = l.slot AND tenure.generation = l.generation""",
            {"day": day},
        )
        self._settle(self.people_of, self.world.numbers)
        self.people_of = self.world.numbers
        before = self.others
        self._found("sole_trader", round(self.world.organisations * share * 0.05), is_new=True)
        self._settle(MOST_ORGANISATIONS - self.others, MOST_ORGANISATIONS - before)

    def slices(self, size: int = 100_000) -> Iterator[tuple[int, int]]:
        """Ranges of numbers [first, last) of all organisations, companies first."""
        yield from self.world.slices(size)
        yield from self.other_slices(size)

    def other_slices(self, size: int = 100_000) -> Iterator[tuple[int, int]]:
        """Ranges of numbers of the organisations that are not in the company bulk."""
        for first in range(0, self.others, size):
            yield MOST_ORGANISATIONS - min(first + size, self.others), MOST_ORGANISATIONS - first

    def _found(self, kind: str, count: int, is_new: bool) -> None:
        first, self.others = self.others, self.others + count
        if self.others + self.world.numbers > MOST_ORGANISATIONS:
            raise ValueError(f"at most {MOST_ORGANISATIONS:,} organisations fit in the reserved business ids")
        for start in range(first, self.others, 100_000):
            self.world.connection.execute(
                "INSERT INTO other FROM others(?::BIGINT, ?::BIGINT, ?::DATE, ?::VARCHAR, ?::BOOLEAN)",
                [start, min(start + 100_000, self.others), self.day, kind, is_new],
            )

    def _settle(self, first: int, last: int) -> None:
        self.world.connection.execute(
            "INSERT INTO tenure FROM first_tenures(?::BIGINT, ?::BIGINT, ?::DATE, ?::BIGINT) ORDER BY number, slot, generation",
            [first, last, self.day, self.world.organisations],
        )
        self.world.connection.execute(
            f"CREATE OR REPLACE VIEW arrived AS SELECT person FROM tenure WHERE number >= {first} AND number < {last}"
        )
        self.world.connection.execute("INSERT INTO person FROM people('arrived')")

    @property
    def day(self) -> date:
        """The day it is."""
        return self.world.day
