"""One relation of everything that can be picked: a row for each target of a unit, with its criteria and its gates by channel.

A target is a person at an organisation, or an organisation itself, that could be reached by some channel if no gate closed.
Columns: row_no (from 0, those of an organisation side by side), target_id, person_id, business_id; for each channel its gate
(null: no such channel; 0: passes every standing gate; else the rank of the first that it fails) and kind (whom a message
reaches); `existed`; then one for each criterion.

As of an earlier day the criteria are of that day and the gates are today's: whoever may not be reached today never is.
"""

from datetime import date

import duckdb

from delivery import criteria
from delivery.tree import CHANNELS

SQL = """
with t as (select {today} as today),
candidates as ({candidates}),
g as (
    select person_id, business_id,
        {gates},
        list_sort(list(channel) filter (gate = 0)) as open_channels
    from candidates
    where person_id is {owner} null
    group by person_id, business_id
),
links as ({links}),
d as (
    select person_id, business_id, list_sort(list(distinct area_code)) as area_codes,
        min(level) as level, min(title) as title, min(language) as language, min(verifier) as verifier,
        min(verified_on) as verified_on, min(p_current) as p_current, min(sources) as sources
    from links
    group by person_id, business_id
),
held as ({held}),
r as (
    select person_id, business_id, list_sort(list(distinct role_code)) as role_codes, min(started_on) as started_on
    from held
    group by person_id, business_id
),
n as (
    select business_id, max(started_on) as started_on
    from held
    where role_code = 'MD'
    group by business_id
),
e as (
    select history.business_id, max(history.valid_from) as moved_on
    from registry.organisation_history as history
    cross join t
    where history.valid_from <= t.today
        and list_has_any(history.changed_fields, ['visiting_street', 'visiting_postcode', 'municipality_code'])
    group by history.business_id
)
select
    -- Neighbours alike make small bitmaps: measured at a million, facets by them cost half.
    cast(row_number() over (
        order by o.region_code, o.municipality_code, o.industry_section, o.legal_form_group, g.business_id, g.person_id
    ) - 1 as uinteger) as row_no,
    concat_ws('|', coalesce(g.person_id, ''), g.business_id) as target_id,
    g.person_id,
    g.business_id,
    {channels},
    {existed} as existed,
    {columns}
from g
cross join t
left join {organisations} as o on g.business_id = o.business_id
left join registry.reference.municipalities as m on o.municipality_code = m.code
left join d on g.person_id = d.person_id and g.business_id = d.business_id
left join r on g.person_id = r.person_id and g.business_id = r.business_id
left join n on g.business_id = n.business_id
left join e on g.business_id = e.business_id
order by row_no
"""
CANDIDATES = {
    "marketing": """
        select person_id, business_id, channel, subject_kind as kind, 0 as gate from marketing.marketing_contacts
        union all by name
        select person_id, business_id, channel, subject_kind as kind, gate_rank as gate from registry.gate_audit""",
    # Who objects is in a customer's register as `kielto`, without contacts. A gate that closes only marketing is taken for the
    # next one that closes maintenance too.
    "maintenance": """
        select person_id, business_id, channel, if(restriction = 'kielto', 'kielto', subject_kind) as kind, 0 as gate
        from registry.maintenance_contacts
        union all by name
        select a.person_id, a.business_id, a.channel, a.subject_kind as kind, case
                when a.gate = 'ORGANISATION_STATUS' then (select rank from registry.reference.gates where gate = 'NOTICE_DUE')
                when a.gate = 'LEGAL_FORM_CHANNEL' then (select rank from registry.reference.gates where gate = 'STALE')
                else a.gate_rank
            end as gate
        from registry.gate_audit as a
        where not exists (
            from registry.maintenance_contacts as c
            where a.person_id is not distinct from c.person_id and a.business_id = c.business_id and a.channel = c.channel
        )""",
}


def today(db: duckdb.DuckDBPyConnection) -> date:
    """The last day that a source speaks of, which the published version takes for today. What people decided is no source."""
    ((day,),) = db.execute("select max(in_service_as_of) from registry.source_health where source_name <> 'ledger'").fetchall()
    if not isinstance(day, date):
        raise ValueError("source_health knows no day")
    return day


def make(
    db: duckdb.DuckDBPyConnection, unit: str, purpose: str = "marketing", as_of: date | None = None, name: str = "targets"
) -> None:
    """Make the temporary table of the targets of a unit in a desk, ordered by business_id and target_id."""
    # The functions of an earlier day look for their tables in the database that is in use.
    db.execute("use registry")
    try:
        db.execute(f"create or replace temp table {name} as {query(unit, purpose, as_of, today(db))}")
    finally:
        db.execute("use memory")


def query(unit: str, purpose: str, as_of: date | None, now: date) -> str:
    """The SQL of make()."""
    day = f"date '{as_of or now}'"
    gates = [
        f"max(gate) filter (channel = '{c}') as {c}_gate, max(kind) filter (channel = '{c}') as {c}_kind" for c in CHANNELS
    ]
    absent = ("verified_on", "p_current", "sources") if as_of else ()
    links = "select person_id, business_id, area_code, level, title, language, verifier, " + ", ".join(
        f"null::{kind} as {column}" if column in absent else column
        for column, kind in (("verified_on", "date"), ("p_current", "double"), ("sources", "varchar[]"))
    )
    return SQL.format(
        today=day,
        candidates=CANDIDATES[purpose],
        gates=",\n        ".join(gates),
        owner="not" if unit == "person" else "",
        links=f"{links} from {f'decision_makers_as_of({day})' if as_of else 'registry.decision_makers'}",
        held=f"select person_id, business_id, role_code, started_on from responsible_persons_as_of({day})"
        if as_of
        else "select person_id, business_id, role_code, started_on from registry.responsible_persons, t "
        "where ended_on is null or ended_on >= t.today",
        organisations=f"organisations_as_of({day})" if as_of else "registry.organisations",
        channels=",\n    ".join(f"cast(g.{c}_gate as tinyint) as {c}_gate, g.{c}_kind" for c in CHANNELS),
        existed="true" if not as_of else f"o.business_id is not null{_known(unit)}",
        columns=",\n    ".join(f"{one.sql} as {one.code}" for one in columns(unit)),
    )


def _known(unit: str) -> str:
    return " and (d.person_id is not null or r.person_id is not null)" if unit == "person" else ""


def columns(unit: str) -> list[criteria.Criterion]:
    """The criteria that are columns of their own."""
    return [one for one in criteria.of_unit(unit) if one.column == one.code]
