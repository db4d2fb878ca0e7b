"""Valid target groups by the dice, over what is really there: for the laws of counting, and for the benchmark."""

import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import duckdb

from delivery import criteria, targets
from delivery.group import TargetGroup, parse

AREAS = ("IT", "TALOUS", "YLEISJOHTO", "MYYNTI", "HANKINTA", "RISKI", "TK")
TITLES = ("johtaja", "päällikkö", "chef", "manager", "Toimitus", "it", "ö", "'", "zzz", "%")


class Dice:
    """Throws groups. db: a desk with a table of targets of persons; most values are from it, others are valid codes."""

    def __init__(self, db: duckdb.DuckDBPyConnection, seed: int, table: str = "targets", day: date = date(2026, 1, 3)) -> None:
        self.random = random.Random(seed)
        self.day = day
        book = criteria.Codebook(db)
        self.codes = {one.code: list(book.valid(one)) for one in criteria.catalogue().values() if one.kind == "set"}
        self.there: dict[str, list[Any]] = {}
        for one in targets.columns("person"):
            column = f"unnest({one.code})" if one.is_list else one.code
            rows = db.execute(
                f"select distinct v from (select {column} as v from {table}) where v is not null order by v"
            ).fetchall()
            self.there[one.code] = [value for (value,) in rows]

    def group(self, **fixed: Any) -> TargetGroup:
        """A group; what is fixed stays."""
        dice = self.random
        unit = fixed.get("unit") or dice.choice(["person", "person", "organisation"])
        as_of = str(self.day - timedelta(days=dice.randint(0, 1))) if dice.random() < 0.1 else None
        told: dict[str, Any] = {
            "version": 1,
            "name": "dice",
            "unit": unit,
            "purpose": dice.choice(["marketing"] * 4 + ["maintenance"]),
            "channels": dice.sample(["email", "phone", "post"], dice.randint(1, 3)),
            "channel_mode": dice.choice(["any", "any", "all"]),
            "as_of": as_of,
        }
        if dice.random() < 0.9:
            told["criteria"] = self.tree(unit, in_history=bool(fixed.get("as_of", as_of)))
        if dice.random() < 0.7:
            told["campaign"] = {
                "areas": dice.sample(AREAS, dice.randint(0, 4)),
                "topic": dice.choice([None, "mobile_subscriptions"]),
                "override_reason": dice.choice([None, None, "existing customers of this product"]),
            }
        if dice.random() < 0.3:
            ranks = dice.sample(["p_current", "level", "verified_on", "role_started_on"], dice.randint(0, 3))
            told["per_company"] = {"max": dice.randint(1, 3), "rank_by": ranks}
        if dice.random() < 0.3:
            strata = ["region", "staff_band", "legal_form_group", *(["level"] if unit == "person" else [])]
            told["sample"] = {
                "n": dice.choice([None, 1, 7, 100, 1000]),
                "seed": dice.randint(0, 5),
                "stratify_by": dice.sample(strata, dice.randint(0, 2)),
                "cells": dice.choice([None, 2, 3]),
                "hold_out": dice.choice([0, 0.1, 0.5]),
            }
        return parse(told | fixed)

    def tree(self, unit: str, depth: int = 3, *, in_history: bool = False) -> dict[str, Any]:
        """Criteria: a condition, or some under all, any or not."""
        dice = self.random
        kind = dice.random()
        if depth == 0 or kind < 0.35:
            return self.leaf(unit, in_history=in_history)
        if kind < 0.5:
            return {"not": self.tree(unit, depth - 1, in_history=in_history)}
        children = [self.tree(unit, depth - 1, in_history=in_history) for _ in range(dice.randint(1, 3))]
        return {dice.choice(["all", "any"]): children}

    def leaf(self, unit: str, *, in_history: bool = False) -> dict[str, Any]:
        """A condition on any criterion of the unit."""
        dice = self.random
        one = dice.choice([one for one in criteria.of_unit(unit) if one.in_history or not in_history])
        if one.kind == "flag":
            return {"field": one.code, "is": dice.random() < 0.5}
        if one.kind == "text":
            return {"field": one.code, "contains": dice.choice(TITLES)}
        if one.kind == "set":
            return {"field": one.code, "in": [self.code(one) for _ in range(dice.choice([1, 1, 2, 5]))]}
        low, high = sorted((self.value(one), self.value(one)))
        operator = dice.choice(["between", "at_least", "at_most"])
        return {"field": one.code, operator: [low, high] if operator == "between" else low}

    def code(self, one: criteria.Criterion) -> str:
        """A valid code; of a code with levels any of them."""
        there: Sequence[str] = self.there[one.code]
        code = self.random.choice(there if there and self.random.random() < 0.6 else self.codes[one.code])
        cut = code[: self.random.randint(2, 5)] if one.code in ("industry", "postcode", "industry_2008") else code
        return cut if cut in self.codes[one.code] or one.code == "postcode" else code

    def value(self, one: criteria.Criterion) -> Any:
        """A value of a range, often one that is really there, so that the ends are tried."""
        there = self.there.get(one.code)
        if there and self.random.random() < 0.7:
            return self.random.choice(there)
        if one.codes == "date":
            return self.day - timedelta(days=self.random.randint(0, 9000))
        return self.random.choice([0, 1, 9, 10, 49, 300, 0.5, 100_000])


def told(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """A waterfall as a mapping."""
    return {row["gate"]: row["count"] for row in rows}
