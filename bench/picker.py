"""What a count costs: random mixed groups over 1,000,000 organisations and 1.5 M persons, by our bitmaps and by DuckDB.

Made-up targets, generated straight into DuckDB (or --home: those of a published lake). The peer is DuckDB with two threads on
the same table with every text as an enum, every list as bits, every hierarchy expanded to its codes: one scan for a waterfall.
Both are compared before they are measured. Milliseconds by the clock and of the processor, which a busy machine changes less.
Prints and writes bench/results/picker.json: `python -m bench.picker [--organisations N]`
"""

import argparse
import json
import os
import re
import resource
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from pyroaring import BitMap

from base.files import write_text
from delivery import criteria, selection, targets
from delivery.counting import CRITERIA
from delivery.group import TargetGroup
from delivery.index import Index, Values
from delivery.picker import Picker
from delivery.published import desk
from delivery.tree import CHANNELS, All, Leaf, Not, Strict, condition
from tests.random_groups import Dice

ROOT = Path(__file__).parents[1]
DAY = date(2026, 1, 3)
AREAS = 17
# (column, SQL of an organisation's row; `r(k)` is a number from 0 to 1 that depends on the organisation and k).
ORGANISATION = """
    select n, 'o' || lpad(n::varchar, 8, '0') as business_id,
        industries[1 + (r(1) ** 1.6 * len(industries))::int % len(industries)] as industry,
        municipalities[1 + (r(2) ** 2.5 * len(municipalities))::int % len(municipalities)] as place,
        postcodes[1 + (r(3) ** 1.5 * len(postcodes))::int % len(postcodes)] as postcode,
        (['16', '16', '16', '26', '26', '5', '13', '38', '39', '41', '2'])[1 + (r(4) * 11)::int % 11] as legal_form,
        if(r(5) < 0.3, (['fi', 'fi', 'fi', 'sv'])[1 + (r(6) * 4)::int % 4], null) as language,
        (['0-4', '5-9', '10-19', '20-49', '50-99', '100-249', '250-499', '500-999', '1000+', null])[
            1 + (r(7) ** 3 * 10)::int % 10] as staff_band,
        r(8) < 0.3 as employer, r(9) < 0.6 as vat_registered, r(10) < 0.7 as prepayment_registered,
        if(r(11) < 0.6, round(r(12) ** 8 * 1e7, 2), null)::double as taxed_income,
        date '2026-01-03' - (r(13) ** 2 * 20000)::int as registered_on,
        if(r(14) < 0.94, 'active', 'liquidation') as status, r(14) < 0.94 as marketing_target,
        r(15) < 0.4 as has_website, r(16) < 0.1 as has_email, r(17) < 0.2 as has_phone,
        list_filter(['ytj', 'vero', 'statfi_business', 'survey'], lambda x, i: r(18) > i * 0.2) as source,
        date '2026-01-03' - (r(19) * 700)::int as first_seen_on, date '2026-01-03' - (r(20) * 300)::int as last_changed_on,
        if(r(21) < 0.1, (r(22) * 700)::int, null)::double as days_since_move,
        if(r(23) < 0.1, (r(24) * 700)::int, null)::double as days_since_new_md
    from range({size}) as t(n), codes
"""
PERSON = """
    select
        cast(row_number() over (
            order by region, municipality, industry_section, legal_form_group, business_id, p
        ) - 1 as uinteger) as row_no,
        'p' || lpad(p::varchar, 9, '0') || '|' || business_id as target_id, 'p' || lpad(p::varchar, 9, '0') as person_id, o.*,
        if(r(30) < 0.4, if(r(31) < 0.85, 0, 1 + (r(32) * 12)::int % 12), null)::tinyint as email_gate,
        if(r(30) < 0.4, 'natural_person_work', null) as email_kind,
        if(r(33) < 0.5, if(r(34) < 0.85, 0, 1 + (r(35) * 12)::int % 12), null)::tinyint as phone_gate,
        if(r(33) < 0.5, if(r(36) < 0.9, 'natural_person_work', 'natural_person'), null) as phone_kind,
        if(r(37) < 0.6, 0, 1 + (r(38) * 12)::int % 12)::tinyint as post_gate, 'natural_person_work' as post_kind,
        true as existed,
        list_distinct(list_filter([roles[1 + (r(40) ** 2 * 12)::int], roles[1 + (r(41) * 12)::int]], 
            lambda x, i: r(42) > i * 0.4)) as role,
        list_distinct([areas[1 + (r(43) ** 1.5 * 15)::int], areas[1 + (r(44) * 15)::int]][:1 + (r(45) < 0.2)::int]) as area,
        (['director', 'director', 'manager', 'supervisor', 'specialist', null])[1 + (r(46) * 6)::int % 6] as level,
        (['toimitusjohtaja', 'it-päällikkö', 'ekonomichef', 'sales manager', 'ostaja'])[1 + (r(47) * 5)::int % 5]
            || ' ' || (r(48) ** 3 * 4000)::int as title,
        (['fi', 'fi', 'fi', 'sv', 'en'])[1 + (r(49) * 5)::int % 5] as person_language,
        (['person', 'organisation', 'registry'])[1 + (r(50) * 3)::int % 3] as verifier,
        date '2026-01-03' - (r(51) * 729)::int as verified_on, (r(51) * 729)::int::double as days_since_verified,
        round(0.5 + r(52) * 0.5, 6) as p_current,
        date '2026-01-03' - (r(53) ** 2 * 9000)::int as role_started_on, floor(r(53) ** 2 * 9000 / 365)::double as role_years,
        list_filter(['email', 'phone', 'post'], lambda x, i: r(30 + 3 * i) < 0.4) as open_channel,
        list_filter(['survey', 'prh_officers'], lambda x, i: r(54) > i * 0.4) as person_source
    from (select p, (hash(p, 99) % {size})::bigint as n, p as key from range({people}) as t(p)) inner join o using (n), codes
"""


def synthetic(db: duckdb.DuckDBPyConnection, organisations: int, people: int) -> None:
    """`targets` of persons by the dice of hash(), and the reference data of the seeds, in an empty database."""
    db.execute("attach ':memory:' as registry; create schema registry.reference")
    for seed in sorted((ROOT / "dbt_project" / "seeds").glob("*.csv")):
        db.execute(f"create table registry.reference.{seed.stem} as from read_csv('{seed}', all_varchar = true)")
    for column in ("min_staff", "max_staff", "ord"):
        db.execute(f"alter table registry.reference.staff_bands alter {column} type integer")
    db.execute("""create temp table codes as select
        (select list(code order by code) from registry.reference.industries where length(code) = 5) as industries,
        (select list(code order by hash(code)) from registry.reference.municipalities) as municipalities,
        (select list(postcode order by hash(postcode)) from registry.reference.postal_codes) as postcodes,
        (select list(role_code order by role_code) from registry.reference.roles) as roles,
        (select list(code order by code) from registry.reference.areas_of_responsibility) as areas""")
    db.execute(
        f"""create temp table o as
        with made as ({_diced(ORGANISATION, "n").format(size=organisations)}),
        crossed as (
            select code_2025, list(code_2008 order by code_2008) as old
            from registry.reference.industry_crosswalk group by 1
        )
        select made.* exclude(place), place as municipality, i.section_code as industry_section, crossed.old as industry_2008,
            m.region_code as region, m.wellbeing_county_code as wellbeing_county, m.subregion_code as subregion,
            l.legal_form_group as legal_form_group, date_sub('year', registered_on, date '{DAY}')::double as age_years
        from made left join registry.reference.industries as i on made.industry = i.code
        left join crossed on made.industry = crossed.code_2025
        left join registry.reference.municipalities as m on made.place = m.code
        left join registry.reference.legal_forms as l on made.legal_form = l.code"""
    )
    db.execute(
        f"create temp table targets as {_diced(PERSON, 'key').format(size=organisations, people=people)} order by row_no"
    )
    db.execute("drop table o")


def _diced(sql: str, key: str) -> str:
    """The same number for everything of one row and k, whatever the order of rows."""
    return re.sub(r"\br\(([^()]*)\)", rf"((hash({key}, \1) % 1000003) / 1000003.0)", sql)


class Peer:
    """DuckDB on `coded`: the table with enums for texts and bits for lists."""

    def __init__(self, db: duckdb.DuckDBPyConnection, index: Index, book: criteria.Codebook) -> None:
        self.db, self.index, self.book = db, index, book
        self.bits: dict[str, list[str]] = {}
        made = []
        for one in targets.columns("person"):
            column = index.columns[one.code]
            if isinstance(column, Values) and one.is_list and len(column.maps) < 64:
                self.bits[one.code] = sorted(column.maps)
                bits = " | ".join(
                    f"(list_contains({one.code}, '{v}')::bigint << {at})" for at, v in enumerate(sorted(column.maps))
                )
                made.append(f"({bits}) as {one.code}")
            elif isinstance(column, Values) and one.kind == "set" and not one.is_list:
                db.execute(
                    f"create type e_{one.code} as enum (select distinct {one.code} from targets where {one.code} is not null)"
                )
                made.append(f"{one.code}::e_{one.code} as {one.code}")
            elif one.code != "industry_2008":
                made.append(one.code)
        gates = ", ".join(
            f"{c}_gate, {c}_kind = 'natural_person_work' as {c}_work, {c}_kind = 'natural_person' as {c}_natural"
            for c in CHANNELS
        )
        db.execute(f"create temp table coded as select {gates}, {', '.join(made)} from targets order by row_no")
        old = db.execute("select distinct industry, unnest(industry_2008) from targets").fetchall()
        self.old: dict[str, set[str]] = {}
        for new, code in old:
            self.old.setdefault(code, set()).add(new)

    def sql(self, node: Strict | None) -> str:
        """The criteria over `coded`."""
        if node is None:
            return "true"
        if isinstance(node, Leaf):
            return f"coalesce({self._test(self.book.test(*condition(node)))}, false)"
        if isinstance(node, Not):
            return f"not {self.sql(node.not_)}"
        children = [self.sql(child) for child in (node.all if isinstance(node, All) else node.any)]  # type: ignore[attr-defined]
        return f"({(' and ' if isinstance(node, All) else ' or ').join(children)})"

    def _test(self, test: criteria.Test) -> str:
        column = self.index.columns[test.column]
        if test.column == "industry_2008":
            new = sorted({n for code, ns in self.old.items() if code.startswith(test.words) for n in ns})
            return f"industry in ({', '.join(map(selection.quoted, new))})" if new else "false"
        if test.column in self.bits:
            mask = sum(1 << at for at, value in enumerate(self.bits[test.column]) if value in test.words)
            return f"{test.column} & {mask} <> 0"
        if test.how in ("values", "prefixes") and isinstance(column, Values):
            words = [v for v in column.ordered if (v in test.words if test.how == "values" else v.startswith(test.words))]
            return f"{test.column} in ({', '.join(map(selection.quoted, words))})" if words else "false"
        return selection._test(test)

    def _falls(self, group: TargetGroup) -> str:
        requested = [c for c in CHANNELS if c in group.channels]
        have = (" or " if group.channel_mode == "any" else " and ").join(f"{c}_gate is not null" for c in requested)
        falls = []
        for c in requested:
            fit = "true"
            if group.purpose == "marketing" and c == "email" and not group.campaign.override_reason:
                mask = sum(1 << at for at, value in enumerate(self.bits["area"]) if value in group.campaign.areas)
                fit = f"not email_work or area & {mask} <> 0"
            if group.purpose == "marketing" and c == "phone" and group.campaign.topic:
                fit = "not phone_natural"
            falls.append(f"""case when {c}_gate is null then null when {c}_gate > 0 then {c}_gate
                when not matches then {CRITERIA} when not ({fit}) then {CRITERIA + 1} else 0 end""")
        whole = f"if(list_contains([{', '.join(falls)}], 0), 0, greatest({', '.join(falls)}))"
        if len(falls) == 1:
            whole = falls[0]
        elif group.channel_mode == "any":
            whole = f"if({' or '.join(f'({one}) = 0' for one in falls)}, 0, greatest({', '.join(falls)}))"
        else:
            whole = f"least({', '.join(f'if(({one}) = 0, 100, {one})' for one in falls)}) % 100"
        return f"select {whole} as fall, * from (select *, {self.sql(group.criteria)} as matches from coded where {have})"

    def count(self, group: TargetGroup) -> dict[int, int]:
        """Losses by gate, of all and of those that match in one scan; gives those of all, 0 the rest."""
        found: dict[int, int] = {}
        for fall, _, size in self.db.execute(
            f"select fall, matches, count(*) from ({self._falls(group)}) group by all"
        ).fetchall():
            found[fall] = found.get(fall, 0) + size
        return found

    def facets(self, group: TargetGroup) -> int:
        """All dimensions in one scan: grouping sets of the single ones, filters for the bits. No condition is left out."""
        single = [d for d in criteria.dimensions("person") if d not in self.bits]
        many = ", ".join(
            f"count(*) filter ({column} & {1 << at} <> 0)" for column, values in self.bits.items() for at in range(len(values))
        )
        reach = f"create or replace temp table reach as select * from ({self._falls(group)}) where fall = 0"
        self.db.execute(reach)
        self.db.execute(f"select {many} from reach").fetchall()
        sets = ", ".join(f"({d})" for d in single)
        return len(
            self.db.execute(f"select {', '.join(single)}, count(*) from reach group by grouping sets ({sets})").fetchall()
        )


def timed(work: Callable[[TargetGroup], Any], groups: list[TargetGroup]) -> dict[str, float]:
    """p50 and p95 in milliseconds, of one client."""
    took = []
    for one in groups:
        started, used = time.perf_counter(), time.process_time()
        work(one)
        took.append(((time.perf_counter() - started) * 1000, (time.process_time() - used) * 1000))
    return {
        f"{name}_{quantile}_ms": round(float(np.quantile([each[at] for each in took], share)), 2)
        for at, name in enumerate(("wall", "cpu"))
        for quantile, share in (("p50", 0.5), ("p95", 0.95))
    }


def main() -> None:
    """Make the targets, build, check that both count alike, measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organisations", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, help="default: one and a half times as many")
    parser.add_argument("--home", type=Path, help="a published lake, instead of made-up targets")
    parser.add_argument("--groups", type=int, default=300)
    options = parser.parse_args()
    people = options.people or options.organisations * 3 // 2
    started = time.perf_counter()
    if options.home:
        db = desk(options.home)
        targets.make(db, "person")
    else:
        db = duckdb.connect()
        db.execute("set threads = 2")
        synthetic(db, options.organisations, people)
    made_s = time.perf_counter() - started
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, used = time.perf_counter(), time.process_time()
    index = Index(db, "person")
    build_s, build_cpu_s = time.perf_counter() - started, time.process_time() - used
    memory = _mb(index)
    picker = Picker(db)
    picker.put(index)
    dice = Dice(db, 1, day=DAY)
    fixed = {"unit": "person", "as_of": None, "purpose": "marketing", "sample": None}
    groups = [dice.group(per_company=None, **fixed) for _ in range(options.groups)]
    capped = [dice.group(per_company={"max": 1 + at % 2}, **fixed) for at in range(options.groups // 3)]
    peer = Peer(db, index, picker.book)
    for one in groups[: options.groups // 3]:
        ours = [line["count"] for line in picker.count(one).waterfall[1:]]
        theirs = peer.count(one)
        assert [theirs.get(rank, 0) for rank in [*range(1, CRITERIA + 2), 0]] == [*ours[: CRITERIA + 1], ours[-1]], one
    found = {
        "organisations": options.organisations, "people": index.size, "groups": len(groups),
        "load": round(os.getloadavg()[0], 1),
        "targets_s": round(made_s, 1), "build_s": round(build_s, 1),
        "build_cpu_s": round(build_cpu_s, 1), "index_mb": round(memory),
        "peak_mb": round(max(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1000),
        "count": timed(picker.count, groups), "count_with_cap": timed(picker.count, capped),
        "all_facets": timed(picker.facets, groups), "facet_values": sum(len(v) for v in picker.facets(groups[0]).values()),
        "duckdb_count": timed(peer.count, groups), "duckdb_all_facets": timed(peer.facets, groups[: options.groups // 3]),
    }  # fmt: skip
    for ours, theirs in (("count", "duckdb_count"), ("all_facets", "duckdb_all_facets")):
        found[f"{ours}_ratio_p95"] = round(found[ours]["wall_p95_ms"] / found[theirs]["wall_p95_ms"], 3)
    print(json.dumps(found, indent=2))
    if not options.home and options.organisations == 1_000_000:
        write_text(ROOT / "bench" / "results" / "picker.json", json.dumps(found, indent=2) + "\n")


def _mb(held: Any) -> float:
    """Megabytes of all bitmaps and arrays below an object."""
    if isinstance(held, BitMap):
        return len(held.serialize()) / 1e6
    if isinstance(held, np.ndarray):
        return held.nbytes / 1e6
    if isinstance(held, dict | list):
        return sum(map(_mb, held.values() if isinstance(held, dict) else held))
    return sum(map(_mb, vars(held).values())) if type(held).__module__ == Index.__module__ else 0


if __name__ == "__main__":
    main()
