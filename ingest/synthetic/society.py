"""Everybody else in the made-up Finland: public bodies, associations, foundations, sole traders, and the people of all of them.

A person is a number from which name, birth and language follow (society.sql); what changes by the day is table `tenure`: who
holds which place in which organisation. It grows beside the companies of world.py and never changes what these are.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from ingest.synthetic.world import CALM, MOST_ORGANISATIONS, World

HERE = Path(__file__).parent

PER_COMPANY = {"association": 0.22, "foundation": 0.006, "sole_trader": 0.3}
"""Others per company in the bulk: 106,000 associations and 2,800 foundations to 462,000 companies; sole traders at a guess."""
PUBLIC_SHARES = {"municipality": 0.55, "county": 0.04, "joint_authority": 0.21, "state": 0.2}
MOST_PUBLIC = 530
"""About as many public bodies as Finland has; small worlds have fewer."""

# Per ordinary event a day brings (change_share), how often a place changes hands: roughly one in six positions a year.
TURNOVER = {"md": 0.03, "board": 0.02, "position": 0.05}
PROMOTED = 0.015
"""In the same measure, how often somebody in a position gets a better title in it: one in twenty a year."""


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
        self._move_before()
        for first, last in self.slices():
            self._introduce(first, last)
        self.people_of = world.numbers

    def next_day(self) -> None:
        """Places change hands, those of ceased organisations end, and new organisations get theirs.

        Who leaves is followed by somebody new, by somebody who left such a place elsewhere, or by a colleague; some rise.
        """
        run, share = self.world.connection.execute, self.world.change_share
        step = {"day": self.day, "gap": self.world.gap}
        run(
            """CREATE OR REPLACE TABLE leaver AS
            FROM leavers($day::DATE, $gap::INTEGER, $share::DOUBLE, $md::DOUBLE, $board::DOUBLE, $position::DOUBLE)""",
            step | {"share": share} | TURNOVER,
        )
        run("CREATE OR REPLACE TABLE leaving AS FROM leavers_as_one()")
        run("CREATE OR REPLACE TABLE heir AS FROM heirs($day::DATE)", {"day": self.day})
        run("INSERT INTO leaving SELECT number, slot, generation, person, NULL, staff, false, left_on, false FROM heir")
        run(
            "CREATE OR REPLACE TABLE promotion AS FROM promotions($day::DATE, $gap::INTEGER, $rate::DOUBLE)",
            step | {"rate": share * PROMOTED},
        )
        run("CREATE OR REPLACE TABLE seeker AS FROM seekers($day::DATE)", {"day": self.day})
        run(
            "CREATE OR REPLACE TABLE successor AS FROM successors($day::DATE, $companies::BIGINT)",
            {"day": self.day, "companies": self.world.organisations},
        )
        run(
            """UPDATE tenure SET ended_on = l.last_on, stays = l.stays
            FROM (
                SELECT number, slot, generation, left_on AS last_on, person IN (SELECT person FROM heir) AS stays FROM leaving
                UNION ALL
                SELECT number, slot, generation - 1, started_on - 1, true FROM promotion
            ) AS l
            WHERE tenure.number = l.number AND tenure.slot = l.slot AND tenure.generation = l.generation"""
        )
        run("INSERT INTO tenure FROM (FROM successor UNION ALL FROM promotion) ORDER BY number, slot")
        self._introduce_all("successor")
        first, self.people_of = self.people_of, self.world.numbers
        self._settle(first, self.people_of)
        self._introduce(first, self.people_of)
        before, calm = self.others, 1 if self.world.every == 1 else CALM
        self._found("sole_trader", round(self.world.organisations * share * calm * 0.05 * self.world.gap), is_new=True)
        self._settle(MOST_ORGANISATIONS - self.others, MOST_ORGANISATIONS - before)
        self._introduce(MOST_ORGANISATIONS - self.others, MOST_ORGANISATIONS - before)

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

    def _move_before(self) -> None:
        """Some who hold a place today came to it from another organisation."""
        self.world.connection.execute("CREATE TABLE move AS FROM moved_before()")
        self.world.connection.execute(
            """UPDATE tenure SET person = m.person, arrival = if(tenure.slot = 6 OR tenure.slot >= 16, 'moved', arrival)
            FROM move AS m WHERE tenure.person = m.unmoved"""
        )

    def _introduce(self, first: int, last: int) -> None:
        """Give those who hold a place in the organisations of a range their names and all."""
        self._introduce_all(f"(SELECT person FROM tenure WHERE number >= {first} AND number < {last})")

    def _introduce_all(self, holders: str) -> None:
        self.world.connection.execute(f"CREATE OR REPLACE VIEW arrived AS FROM {holders}")
        self.world.connection.execute("INSERT INTO person FROM people('arrived')")

    @property
    def day(self) -> date:
        """The day it is."""
        return self.world.day
