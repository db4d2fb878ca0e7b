"""Made-up register of N organisations and a customer's messy register of them, with the truth: what bench/refresh.py matches.

The register is a `registry.duckdb` in the shape of the published one, with as many columns as matching and answering read.
Names share stems as Finnish ones do (surnames, trades, towns, houses); a sole trader's name may be another's too. The mess is
what registers have: typing errors, lost and wrong business ids, former and trade names, abbreviations, moves that the
register knows of and moves that it does not, legal forms dropped or swapped, ä as a, telephone numbers in every spelling,
rows twice, rows of organisations that are not in the register, some of them with the name of one that is.
"""

import csv
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

from ingest.synthetic import words

ROOT = Path(__file__).parents[1]
SEEDS = ROOT / "dbt_project" / "seeds"
NAMES = ROOT / "ingest" / "synthetic" / "data" / "names.csv"
# As people shorten them by hand; the first is how the register writes it.
SHORT = (
    ("Rakennus", "Rak."), ("Kuljetus", "Kulj."), ("Insinööritoimisto", "Ins.tsto"), ("Kiinteistöpalvelut", "Kiint.palv."),
    ("Konsultointi", "Kons."), ("Tilipalvelu", "Tilip."), ("Huolto", "Huolt."), ("Ravintola", "Rav."),
    ("Autohuolto", "Autoh."), ("Asunto Oy", "As Oy"), ("Asunto Oy", "As. Oy"), ("Yhdistys", "Yhd."), ("Metsäpalvelu",
        "Metsäpalv."),
)  # fmt: skip
FREE = ("gmail.com", "hotmail.com", "outlook.com", "luukku.com", "kolumbus.fi")
PLAIN = str.maketrans("äöåÄÖÅ", "aoaAOA")


class World:
    """One draw of everything: `organisations` and `rows` as lists of equal length, made by `make`."""

    def __init__(self, organisations: int, rows: int, seed: int) -> None:
        """Draw the register, then the customer's rows; the same numbers draw the same world."""
        self.dice = np.random.default_rng(seed)
        self.organisations, self.rows = organisations, rows
        with NAMES.open(encoding="utf-8", newline="") as file:
            told = [(row["kind"], row["name"], int(row["bearers"])) for row in csv.DictReader(file)]
        self.surnames = [name for kind, name, _ in told if kind == "surname"]
        bearers = np.array([count for kind, _, count in told if kind == "surname"], dtype=float)
        self.surname_odds = bearers / bearers.sum()
        self.firsts = [name for kind, name, _ in told if kind != "surname"]
        codes = pl.read_csv(SEEDS / "postal_codes.csv", infer_schema=False).filter(pl.col("type_code") == "1")
        self.postcodes, self.towns = codes["postcode"].to_list(), codes["name_fi"].to_list()
        swedish = dict(zip(self.towns, codes["name_sv"].to_list(), strict=True))
        self.swedish = {town: other for town, other in swedish.items() if other != town}
        odds = self.dice.pareto(1.1, len(self.postcodes)) + 0.15
        self.postcode_odds = np.minimum(odds, 60) / np.minimum(odds, 60).sum()
        streets = [stem + end for stem in words.STREETS_FI for end in sorted(set(words.STREET_ENDS_FI))]
        self.streets = [*streets, *(s + e for s in words.STREETS_SV for e in sorted(set(words.STREET_ENDS_SV)))]

    def pick(self, options: Any, n: int, odds: Any = None) -> list[Any]:
        """n draws from the options."""
        drawn = self.dice.choice(len(options), n, p=odds)
        return [options[i] for i in drawn.tolist()]

    def chance(self, p: float, n: int) -> list[bool]:
        """n throws, each True with probability p."""
        return (self.dice.random(n) < p).tolist()

    def places(self, n: int) -> list[tuple[str, str, str]]:
        """n addresses (street line, postcode, town). A postcode has forty of the streets, so that they are shared."""
        codes = self.dice.choice(len(self.postcodes), n, p=self.postcode_odds).tolist()
        which, house = self.dice.integers(0, 40, n).tolist(), (1 + self.dice.geometric(0.04, n)).tolist()
        flats, boxes = self.dice.integers(1, 60, n).tolist(), self.chance(0.04, n)
        entrance = self.pick(["", "", "", "A", "B", "C"], n)
        out = []
        for code, w, h, flat, box, door in zip(codes, which, house, flats, boxes, entrance, strict=True):
            street = self.streets[(code * 37 + w * 11) % len(self.streets)]
            line = f"PL {flat}" if box else f"{street} {h}" + (f" {door} {flat}" if door else "")
            out.append((line, self.postcodes[code], self.towns[code]))
        return out

    def names(self, n: int, towns: list[str]) -> list[tuple[str, str]]:
        """n names with their legal form's letters."""
        surname = self.pick(self.surnames, n, self.surname_odds)
        first, second = self.pick(self.firsts, n), self.pick(self.firsts, n)
        trade = self.pick([*words.TRADES_FI, *words.TRADES_SV], n)
        other = self.pick(words.TRADES_FI, n)
        stem = self.pick(
            [a + b for a in words.FIRST_FI for b in words.LAST_FI] + [a + b for a in words.FIRST_SV for b in words.LAST_SV], n
        )
        house = self.pick([*words.HOUSES_FI, *words.HOUSES_SV], n)
        kind = self.dice.random(n).tolist()
        form = self.pick(["Oy", "Oy", "Oy", "Oy", "Oy", "Ky", "Ay", "Ab", "Osk"], n)
        variant = self.dice.integers(0, 12, n).tolist()
        out = []
        for i in range(n):
            k, v, s = kind[i], variant[i], surname[i]
            if k < 0.2:
                name = (f"Tmi {first[i]} {s}", f"{trade[i]} {s}", f"T:mi {s} {first[i]}", f"{first[i]} {second[i]} {s}")[v % 4]
                out.append((name, "TMI"))
            elif k < 0.28:
                out.append((f"Asunto Oy {towns[i].title()}n {house[i]}", "AOY"))
            elif k < 0.34:
                told = ("Urheiluseura", "Yhdistys", "Yrittäjät", "Martat", "Musiikki", "Eläkkeensaajat")[v % 6]
                out.append((f"{towns[i].title()}n {stem[i] + ' ' if v > 5 else ''}{told} ry", "RY"))
            else:
                body = (
                    f"{trade[i]} {s}", f"{stem[i]}", f"{stem[i]} {trade[i]}", f"{s} {trade[i]}",
                    f"{towns[i].title()} {stem[i]}",
                    f"{trade[i]} {stem[i]}", f"{first[i][0]}{s[0]}-{trade[i]}", f"{s} & {surname[i - 1]}", f"{stem[i]} Group",
                    f"{trade[i]}- ja {other[i].lower()}palvelu {s}", f"{towns[i].title()}n {trade[i]}",
                    f"{first[i]}n {other[i]}",
                )[v]  # fmt: skip
                f = form[i]
                out.append((f"{f} {body} Ab" if f == "Oy" and v == 7 else f"{body} {f}", f.upper()))
        return out

    def phones(self, n: int) -> list[str]:
        """n numbers in E.164."""
        heads = self.pick(["40", "44", "45", "50", "9", "3", "2", "10", "20"], n)
        tails = self.dice.integers(1_000_000, 9_999_999, n).tolist()
        return [f"+358{head}{tail}" for head, tail in zip(heads, tails, strict=True)]


def business_ids(n: int, dice: np.random.Generator) -> list[str]:
    """n different business ids with right check digits."""
    numbers = dice.choice(np.arange(1_000_000, 9_999_999), int(n * 1.15) + 100, replace=False)
    digits = (numbers[:, None] // 10 ** np.arange(6, -1, -1)) % 10
    rest = (digits * np.array([7, 9, 10, 5, 8, 4, 2])).sum(axis=1) % 11
    good = rest != 1
    checks = np.where(rest == 0, 0, 11 - rest)[good]
    return [f"{number:07d}-{check}" for number, check in zip(numbers[good].tolist(), checks.tolist(), strict=True)][:n]


def register(world: World) -> dict[str, list[Any]]:
    """The columns of the register, and what it remembers: former name, former place."""
    n = world.organisations
    places = world.places(n)
    names = world.names(n, [place[2] for place in places])
    old_places = world.places(n)
    phones = world.phones(n)
    has = {
        field: world.chance(p, n)
        for field, p in {"phone": 0.45, "email": 0.35, "web": 0.35, "trade": 0.1, "old": 0.12, "moved": 0.15}.items()
    }
    other = world.names(2 * n, [place[2] for place in places] * 2)
    free, owner = world.chance(0.25, n), world.pick(FREE, n)
    names = distinct(names, [place[2] for place in places], world)
    domains = []
    seen: dict[str, int] = {}
    for name, _ in names:
        domain = "".join(c for c in name.lower().translate(PLAIN) if c.isalnum() or c == "-")[:24].strip("-")
        seen[domain] = seen.get(domain, 0) + 1
        domains.append(f"{domain}{seen[domain] if seen[domain] > 1 else ''}.fi")  # a domain has one holder
    return {
        "business_id": business_ids(n, world.dice), "name": [name for name, _ in names], "form": [form for _, form in names],
        "street": [p[0] for p in places], "postcode": [p[1] for p in places], "town": [p[2] for p in places],
        "phone": [p if yes else None for p, yes in zip(phones, has["phone"], strict=True)],
        "email": [
            None if not has["email"][i] else f"{domains[i][:-3]}@{owner[i]}" if free[i] else f"info@{domains[i]}"
            for i in range(n)
        ],
        "website": [f"www.{domains[i]}" if has["web"][i] else None for i in range(n)],
        "trade_names": [[other[i][0]] if has["trade"][i] else [] for i in range(n)],
        "old_name": [other[n + i][0] if has["old"][i] else None for i in range(n)],
        "old_place": [old_places[i] if has["moved"][i] else None for i in range(n)],
        "domain": domains,
    }  # fmt: skip


def distinct(names: list[tuple[str, str]], towns: list[str], world: World) -> list[tuple[str, str]]:
    """The names; of two in one town that would be the same, one has a word more, as a register demands (not of traders)."""
    more = world.pick([first + last for first in words.FIRST_FI for last in words.LAST_FI], len(names))
    seen: set[tuple[str, str]] = set()
    out = []
    for (name, form), town, word in zip(names, towns, more, strict=True):
        if form != "TMI" and (name, town) in seen:
            name = f"{name[:-3]} {word} ry" if form == "RY" else f"{name} {word}" if form == "AOY" else f"{word} {name}"
        seen.add((name, town))
        out.append((name, form))
    return out


def write_register(columns: dict[str, list[Any]], path: Path) -> None:
    """`registry.duckdb`, as published, of the columns that a refresh reads."""
    frame = pl.DataFrame({k: v for k, v in columns.items() if k not in ("old_place", "domain")}).with_columns(
        *(
            pl.Series(f"old_{part}", [p and p[i] for p in columns["old_place"]], dtype=pl.String)
            for i, part in enumerate(("street", "postcode", "town"))
        )
    )
    with duckdb.connect(str(path)) as db:
        db.register("made", frame.to_arrow())
        db.execute("""create table organisations as select business_id, name, trade_names, form as legal_form_letters,
            'active' as status, street as visiting_street, postcode as visiting_postcode, town as visiting_town,
            null::varchar as postal_street, null::varchar as postal_postcode, null::varchar as postal_town,
            phone, email, website, true as is_marketing_target from made""")
        db.execute("""create table organisation_history as
            select business_id, date '2020-01-01' as valid_from, date '2024-01-01' as valid_to, coalesce(old_name,
                name) as name,
                trade_names, coalesce(old_street, street) as visiting_street, coalesce(old_postcode,
                    postcode) as visiting_postcode,
                coalesce(old_town, town) as visiting_town, null::varchar as postal_street, null::varchar as postal_postcode,
                null::varchar as postal_town
            from made where old_name is not null or old_street is not null
            union all by name select business_id, date '2024-01-01' as valid_from, null as valid_to, name, trade_names,
                street as visiting_street,
                postcode as visiting_postcode, town as visiting_town from made""")
