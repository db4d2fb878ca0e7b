"""What a refreshed row says beside its organisation: changes, objections, fill-ins, duplicates, what may be marketed to.

An organisation's number and mailbox come from `maintenance_contacts`, and its address only when that has one, so that what a
gate
withholds is not there; of one that objects nothing comes back by which it could be reached.
"""

import duckdb

from delivery.refresh.weighing import PARTS

MADE = {
    "reach": """
        select business_id, bool_or(restriction is not null) as is_restricted,
            max(value) filter (channel = 'phone') as phone, max(value) filter (channel = 'email') as email,
            bool_or(channel = 'post' and value is not null) as has_post
        from registry.maintenance_contacts where person_id is null group by business_id""",
    "market": """
        select business_id, person_id, list_sort(list_distinct(list(channel))) as channels
        from registry.marketing_contacts group by business_id, person_id""",
    # Where the organisation is now, beside where the row says.
    "here": """
        select row_id, bool_or(given.postcode = place.postcode or given.town = place.town) as same_area,
            bool_or((given.postcode = place.postcode or given.town = place.town) and given.house is not distinct
                from place.house
                and jaro_winkler_similarity(given.street, place.street) >= 0.88) as same_street
        from matched inner join given using (row_id) inner join organisation on matched.business_id = organisation.business_id
        inner join place using (org) where place.kind = 1 and verdict = 'matched' group by row_id""",
    "twin": """
        with one as (
            select told.row_id, case when verdict = 'matched' then concat_ws('|', matched.business_id, coalesce(
                    name_fold(coalesce(told.person, concat_ws(' ', told.first_name, told.last_name))), ''))
                when given.core is not null
                    and (given.phone is not null or given.mailbox is not null or given.street is not null)
                then concat_ws('|', given.core, coalesce(given.phone, ''), coalesce(given.mailbox, ''),
                    coalesce(given.postcode, ''),
                    coalesce(given.street, ''), coalesce(given.house, '')) end as same
            from told inner join given using (row_id) left join matched using (row_id)
        )
        select row_id, first_value(row_id) over (partition by same order by row_id) as first_row
            from one where same is not null""",
    "answer": f"""
        select told.row_id, coalesce(verdict, 'not_found') as status,
            verdict = 'matched' as is_matched,
            coalesce(person.state = 'kielto', false) or coalesce(is_matched and reach.is_restricted, false) as is_closed,
            if(is_matched, matched.business_id, null) as business_id, if(is_matched, current.name, null) as name, matched.score,
            if(verdict = 'ambiguous', list_filter([matched.business_id, next_business_id], lambda one: one is not null),
                []) as others,
            [{", ".join(f"{part}_bits" for part in PARTS)}]::double[] as parts, matched.name_kind, matched.place_kind,
            if(is_matched, list_filter([
                case when here.same_street or given.street is null then null
                    when matched.place_kind = 2 or not coalesce(here.same_area, false) then 'moved' else 'address_differs' end,
                case when given.core is null then null when matched.name_kind = 3 then 'renamed'
                    when matched.similarity < 0.6 then 'name_differs' end,
                if(current.status in ('ceased', 'bankruptcy', 'liquidation', 'restructuring'), current.status, null),
                if(person.state = 'left', 'left', null), if(is_closed, 'objects', null)
            ], lambda one: one is not null), if(is_closed, ['objects'], []))::varchar[] as changes,
            is_matched and given.business_id is null as fills_id,
            is_matched and not coalesce(reach.is_restricted, false) as is_open,
            is_open and coalesce(reach.has_post, false) and not coalesce(here.same_street and here.same_area,
                false) as tells_place,
            if(tells_place, coalesce(current.visiting_street, current.postal_street), null) as street,
            if(tells_place, if(current.visiting_street is null, current.postal_postcode, current.visiting_postcode),
                null) as postcode,
            if(tells_place, if(current.visiting_street is null, current.postal_town, current.visiting_town), null) as town,
            if(is_open and told.phone is null, reach.phone, null) as phone,
            if(is_open and told.email is null, reach.email, null) as email,
            if(is_open and told.website is null, current.website, null) as website,
            person.state as person, person.person_id, person.title, person.email as person_email, person.phone as person_phone,
            if(twin.first_row <> told.row_id, twin.first_row, null) as first_row,
            if(is_closed or not is_matched, [], coalesce(theirs.channels, firms.channels, [])) as channels
        from told inner join given using (row_id)
        left join matched using (row_id)
        left join registry.organisations as current on matched.business_id = current.business_id
        left join reach on matched.business_id = reach.business_id left join here using (row_id) left join twin using (row_id)
        left join person using (row_id)
        left join market as theirs on matched.business_id = theirs.business_id and person.person_id = theirs.person_id
        left join market as firms on matched.business_id = firms.business_id and firms.person_id is null
        order by told.row_id""",
}


def make(db: duckdb.DuckDBPyConnection) -> None:
    """Make temp table `answer`, a row for each row told. Needs the tables of matching.py and persons.py."""
    for table, query in MADE.items():
        db.execute(f"create or replace temp table {table} as {query}")
