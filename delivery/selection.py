"""A target group as SQL over `targets`: who is in it, why, where the others fell. What delivery/picker.py counts, this picks.

Every channel of a target falls at one gate or passes; a target falls where the last of its requested channels does (mode any),
or the first (mode all). The last gates, cap and sample, are of the target as a whole.
"""

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from base.refused import Refused
from delivery import counting, criteria, targets
from delivery.counting import CAP, CRITERIA, DELIVERED, EXCLUSION, MOBILE, RELEVANCE, SAMPLE, Context, Waterfall
from delivery.group import TargetGroup, check
from delivery.tree import CHANNELS, All, Leaf, Not, Strict, condition, text

LEVELS = ("director", "manager", "supervisor", "specialist")
RANKS = {
    "p_current": "p_current desc nulls last",
    "level": f"coalesce(list_position({list(LEVELS)}, level), 99)",
    "verified_on": "verified_on desc nulls last",
    "role_started_on": "role_started_on nulls last",
}
"""What comes first in the cap of a company."""


@dataclass(frozen=True)
class Compiler:
    """Conditions as SQL, with every code looked up."""

    book: criteria.Codebook

    def sql(self, node: Strict | None) -> str:
        """True or false, never null."""
        if node is None:
            return "true"
        if isinstance(node, Leaf):
            return f"coalesce({_test(self.book.test(*condition(node)))}, false)"
        if isinstance(node, Not):
            return f"not {self.sql(node.not_)}"
        children = [self.sql(child) for child in (node.all if isinstance(node, All) else node.any)]  # type: ignore[attr-defined]
        return f"({(' and ' if isinstance(node, All) else ' or ').join(children)})"

    def reasons(self, node: Strict | None) -> list[tuple[str, str]]:
        """Each condition, and each `not` as a whole, as (SQL, canonical text): those that are true are why a target is in."""
        if node is None:
            return []
        if isinstance(node, Leaf | Not):
            return [(self.sql(node), text(node))]
        children = node.all if isinstance(node, All) else node.any  # type: ignore[attr-defined]
        return list(dict.fromkeys(pair for child in children for pair in self.reasons(child)))


def _test(test: criteria.Test) -> str:
    column = test.column
    if test.how == "flag":
        return f"{column} = {str(test.wants).lower()}"
    if test.how == "contains":
        return f"contains({column}, {quoted(test.words[0])})"
    if test.how == "range":
        ends = [f"{column} {sign} {_literal(end)}" for sign, end in ((">=", test.low), ("<=", test.high)) if end is not None]
        return " and ".join(ends)
    if test.how == "values":
        words = ", ".join(map(quoted, test.words))
        if not words:
            return "false"
        return f"list_has_any({column}, [{words}])" if test.is_list else f"{column} in ({words})"
    said = " or ".join(f"starts_with({'x' if test.is_list else column}, {quoted(word)})" for word in test.words)
    return f"len(list_filter({column}, lambda x: {said})) > 0" if test.is_list else f"({said})"


def _literal(value: object) -> str:
    return f"{value!r}::double" if isinstance(value, int | float) else f"date '{value}'"


def quoted(word: str) -> str:
    """A text literal of SQL."""
    return "'" + word.replace("'", "''") + "'"


def select(db: duckdb.DuckDBPyConnection, group: TargetGroup, context: Context | None = None) -> Waterfall:
    """Make `selected` in a desk and give its waterfall.

    Columns: target_id, person_id, business_id, email_ok, phone_ok, post_ok, rank, cell, why (conditions that hold, as JSON).
    Beside it `held_out(target_id, person_id, business_id)`: the part of a sample that is kept back. Same group, version and
    context: same rows. Raises Refused for a code that is not known, or a list that nobody gave.
    """
    context = context or Context()
    compiler = Compiler(criteria.Codebook(db))
    notes = check(group, compiler.book)
    targets.make(db, group.unit, group.purpose, group.as_of)
    _exclude(db, group, context)
    requested = [channel for channel in CHANNELS if channel in group.channels]
    have = (" or " if group.channel_mode == "any" else " and ").join(f"{c}_gate is not null" for c in requested)
    falls = ", ".join(f"if({c}_gate is null, null, {_fall(c, group)}) as {c}_fall" for c in requested)
    fallen = ", ".join(f"{c}_fall" for c in requested)
    whole = f"if(list_contains([{fallen}], 0), 0, greatest({fallen}))" if group.channel_mode == "any" else (
        f"coalesce(list_min(list_filter([{fallen}], lambda x: x > 0)), 0)"
    )  # fmt: skip
    db.execute(f"""
        create or replace temp table judged as
        with population as (
            select targets.*, existed and {compiler.sql(group.criteria)} as matches
            from targets where {have}
        ),
        fallen as (
            select population.*, {falls}
            from population left join turned_away using (target_id)
        )
        select *, cast({whole} as utinyint) as fall from fallen
    """)
    _cap(db, group)
    _sample(db, group)
    ok = {c: f"{c}_fall = 0 and {c}_kind <> 'kielto'" if c in requested else "false" for c in CHANNELS}
    why = ", ".join(f"if({sql}, {quoted(said)}, null)" for sql, said in compiler.reasons(group.criteria))
    db.execute(f"""
        create or replace temp table selected as
        select target_id, person_id, business_id, {", ".join(f"coalesce({ok[c]}, false) as {c}_ok" for c in CHANNELS)},
            cast(row_number() over (order by coalesce(place, 0), business_id, target_id) as integer) as rank, cell,
            list_filter([{why}]::varchar[], lambda x: x is not null) as why
        from judged where fall = 0 order by rank
    """)
    db.execute("create or replace temp table held_out as select target_id, person_id, business_id from judged where held")
    everybody, matching = (
        dict(db.execute(f"select fall, count(*) from judged where {which} group by fall").fetchall())
        for which in ("true", "matches")
    )
    result = everybody.pop(0, 0)
    matching.pop(0, 0)
    return Waterfall(counting.waterfall(everybody, result), counting.waterfall(matching, result, "MATCHING"), notes)


def _fall(channel: str, group: TargetGroup) -> str:
    """The rank of the first gate that a channel of a target does not pass, 0 when it passes all."""
    return f"""case
        when {channel}_gate > 0 then {channel}_gate when not matches then {CRITERIA}
        when not ({relevance(channel, group)}) then {RELEVANCE}
        when {"not coalesce(included, false) or " if group.include else ""} coalesce(excluded or {channel}_objected, false)
            then {EXCLUSION}
        when coalesce(delivered, false) then {DELIVERED} else 0 end"""


def relevance(channel: str, group: TargetGroup) -> str:
    """L-02: named work e-mail goes to whoever is responsible for what the campaign is about, unless there is a written reason;
    L-05: nobody is called about mobile subscriptions at a number of a natural person. SQL that is never null."""
    if group.purpose != "marketing":
        return "true"
    if channel == "phone" and group.campaign.topic == MOBILE:
        return "phone_kind is distinct from 'natural_person'"
    if channel == "email" and not group.campaign.override_reason:
        if group.unit == "organisation":
            return "email_kind is distinct from 'natural_person_work'"
        areas = ", ".join(map(quoted, group.campaign.areas))
        return f"email_kind is distinct from 'natural_person_work' or coalesce(list_has_any(area, [{areas}]::varchar[]), false)"
    return "true"


def away(db: duckdb.DuckDBPyConnection, group: TargetGroup, context: Context) -> dict[str, list[tuple[str | None, str | None]]]:
    """Whom the order leaves out, or lets in: included, excluded, delivered, and who objects to this recipient by channel.

    Raises Refused for a list of the group's that nobody gave.
    """
    named: dict[str, list[tuple[str | None, str | None]]] = {}
    for key, names in (("included", group.include), ("excluded", group.exclude)):
        for name in names:
            if name not in context.lists:
                raise Refused(f"the list {name!r} of the group was not given")
            named.setdefault(key, []).extend(counting.on_lists(db, context.lists[name]))
    if group.not_delivered_months:
        named["delivered"] = sorted(context.delivered, key=str)
    if context.recipient_id:
        for channel in CHANNELS:
            named[f"{channel}_objected"] = db.execute(
                """select person_id, business_id from registry.restricted.recipient_objections
                   where recipient_id = ? and channel = ?""",
                [context.recipient_id, channel],
            ).fetchall()
    return named


def _exclude(db: duckdb.DuckDBPyConnection, group: TargetGroup, context: Context) -> None:
    named = away(db, group, context)
    told = pa.table(
        {
            "what": [what for what, pairs in named.items() for _ in pairs],
            "person_id": pa.array([person for pairs in named.values() for person, _ in pairs], pa.string()),
            "business_id": pa.array([place for pairs in named.values() for _, place in pairs], pa.string()),
        }
    )
    told = told if len(told) else pa.table({"what": ["nobody"], "person_id": pa.nulls(1, pa.string()), "business_id": ["-"]})
    db.register("told_arrow", told)
    try:
        db.execute("create or replace temp table told_away as from told_arrow")
    finally:
        db.unregister("told_arrow")
    flags = ("included", "excluded", "delivered", *(f"{channel}_objected" for channel in CHANNELS))
    # A list's (null, organisation) is everybody there; what was delivered and who objects is exactly that target.
    db.execute(f"""
        create or replace temp table turned_away as
        with met as (
            select targets.target_id, told.what
            from targets inner join told_away as told on targets.person_id = told.person_id
            where told.what in ('included', 'excluded')
            union
            select targets.target_id, told.what
            from targets inner join told_away as told on targets.business_id = told.business_id
            where told.what in ('included', 'excluded')
            union
            select targets.target_id, told.what from targets inner join told_away as told
                on targets.target_id = concat_ws('|', coalesce(told.person_id, ''), told.business_id)
            where told.what not in ('included', 'excluded')
        )
        select target_id, {", ".join(f"bool_or(what = '{flag}') as {flag}" for flag in flags)} from met group by target_id
    """)


def _cap(db: duckdb.DuckDBPyConnection, group: TargetGroup) -> None:
    """The cap of a company, by rank and then by target_id."""
    if not group.per_company:
        return
    ranks = ", ".join([*(RANKS[rank] for rank in group.per_company.rank_by if group.unit == "person"), "target_id"])
    db.execute(f"""
        update judged set fall = {CAP} from (
            select target_id from judged where fall = 0
            qualify row_number() over (partition by business_id order by {ranks}) > {group.per_company.max}
        ) as over_cap
        where judged.target_id = over_cap.target_id
    """)


def _sample(db: duckdb.DuckDBPyConnection, group: TargetGroup) -> None:
    """The sample, its hold-out and its cells; `place` is the order by hash, from 1, null without a sample."""
    db.execute("alter table judged add column place bigint")
    db.execute("alter table judged add column cell varchar")
    db.execute("alter table judged add column held boolean default false")
    sample = group.sample
    if not sample:
        return
    strata = [f"coalesce(cast({one} as varchar), '')" for one in sample.stratify_by]
    stratum = f"concat_ws('|', {', '.join(strata)})" if strata else "''"
    # md5 is the same in every version; DuckDB's own hash() is promised only within one.
    db.execute(f"""
        create or replace temp table drawn as
        select target_id, {stratum} as stratum, md5('{sample.seed}|' || target_id) as hash,
            row_number() over (partition by {stratum} order by md5('{sample.seed}|' || target_id), target_id) as in_stratum
        from judged where fall = 0
    """)
    sizes = db.execute("select stratum, count(*) from drawn group by stratum order by stratum").fetchall()
    total = sum(size for _, size in sizes)
    given = counting.shares([size for _, size in sizes], sample.n or total)
    quotas = list(zip((stratum for stratum, _ in sizes), given, strict=True))
    db.execute("create or replace temp table quotas (stratum varchar, quota bigint)")
    if quotas:
        db.executemany("insert into quotas values (?, ?)", quotas)
    drawn = sum(given)
    kept = drawn - counting.kept_back(drawn, sample.hold_out)
    cells = f"chr(cast(ascii('A') + (place - 1) % {sample.cells} as integer))" if sample.cells else "null"
    db.execute(f"""
        update judged set place = d.place, cell = if(d.place <= {kept}, d.cell, null), held = d.place > {kept},
            fall = if(d.place <= {kept}, 0, {SAMPLE})
        from (
            select target_id, place, {cells} as cell
            from (
                select target_id,
                    if(in_stratum <= quota, row_number() over (order by in_stratum > quota, hash, target_id), null) as place
                from drawn inner join quotas using (stratum)
            )
        ) as d
        where judged.target_id = d.target_id
    """)
    db.execute(f"update judged set fall = {SAMPLE} where fall = 0 and place is null")
