"""The persons of a customer's register: still there, left, or objecting; whoever may not be told of is not found.

Only what `maintenance_contacts` has is known here. Whom it marks as `kielto` is found by name at the organisation, or by
mailbox or number through the keys that objections work with, so that a row with nothing but a mailbox is told as well. That a
registered role has ended is told from the public register, unless the person is withheld.
"""

import duckdb

from ledger import keys, subjects

MADE = {
    "colleague": """
        select distinct person_id, business_id, min(name_fold(first_name || ' ' || last_name)) as fold,
            min(name_fold(last_name)) as last_fold, min(title) as title,
            bool_and(restriction is not null) as is_closed, bool_or(restriction is not null) as is_restricted,
            max(value) filter (channel = 'email') as email, max(value) filter (channel = 'phone') as phone
        from registry.maintenance_contacts where person_id is not null group by person_id, business_id""",
    "asked": """
        select row_id, matched.business_id, name_fold(coalesce(person, concat_ws(' ', first_name, last_name))) as fold,
            mailbox(email) as mailbox, line(phone) as phone
        from told inner join matched using (row_id) where verdict = 'matched'""",
    # By name at the organisation: all words told are the person's, the surname among them; or the same mailbox or number.
    "present": """
        with hit as (
            select row_id, person_id, 1 as rank from asked inner join colleague using (business_id)
            where asked.fold is not null and len(string_split(asked.fold, ' ')) >= 2
                and list_has_all(string_split(colleague.fold, ' '), string_split(asked.fold, ' '))
                and list_has_all(string_split(asked.fold, ' '), string_split(colleague.last_fold, ' '))
            union all select row_id, person_id, 2 from asked inner join colleague using (business_id)
            where asked.fold is null and (asked.mailbox = lower(colleague.email))
        )
        select row_id, min(person_id) as person_id from hit group by row_id, rank having count(distinct person_id) = 1
        qualify row_number() over (partition by row_id order by rank) = 1""",
    "left_since": """
        with ended as (
            select person_id, business_id, min(name_fold(first_name || ' ' || last_name)) as fold,
                min(name_fold(last_name)) as last_fold
            from registry.responsible_persons where listing_basis = 'registered_role'
            group by person_id, business_id having bool_and(ended_on is not null)
        )
        select distinct row_id from asked inner join ended using (business_id)
        anti join registry.withheld_persons as withheld on ended.person_id = withheld.person_id
        anti join registry.decision_makers as current
            on ended.person_id = current.person_id and ended.business_id = current.business_id
        where len(string_split(asked.fold, ' ')) >= 2 and list_has_all(string_split(ended.fold, ' '),
            string_split(asked.fold, ' '))
            and list_has_all(string_split(asked.fold, ' '), string_split(ended.last_fold, ' '))""",
    "person": """
        select row_id, coalesce(present.person_id, objector.person_id) as person_id,
            case when coalesce(colleague.is_restricted, false) or objector.row_id is not null then 'kielto'
                when present.row_id is not null then 'present' else 'left' end as state,
            if(state = 'present', colleague.title, null) as title, if(state = 'present', colleague.email, null) as email,
            if(state = 'present', colleague.phone, null) as phone
        from (select row_id from present union select row_id from left_since union select row_id from objector) as every
        left join present using (row_id) left join asked using (row_id)
        left join colleague on present.person_id = colleague.person_id and asked.business_id = colleague.business_id
        left join objector using (row_id)""",
}


def find(db: duckdb.DuckDBPyConnection) -> None:
    """Make temp table `person`: row_id, person_id (null who left), state (present, left, kielto), and of those present their
    title, email and phone. Needs `told` and `matched` (matching.py)."""
    for table in ("colleague", "asked", "present", "left_since"):
        db.execute(f"create or replace temp table {table} as {MADE[table]}")
    _objectors(db)
    db.execute(f"create or replace temp table person as {MADE['person']}")


def _objectors(db: duckdb.DuckDBPyConnection) -> None:
    """Temp table `objector`: rows, matched or not, whose mailbox or number is that of somebody marked as kielto."""
    db.execute("create or replace temp table objector (row_id bigint, person_id varchar)")
    secret = keys.current()
    rows = db.execute("""select row_id, 'email' as kind, email_key(mailbox(email)) as value from told where value is not null
        union all select row_id, 'phone', phone_key(line(phone)) as value from told where value is not null""").fetchall()
    texts = [(kind, value) for _, kind, value in rows]
    pairs = [
        (row_id, *pair)
        for one in secret.all()
        for (row_id, _, _), pair in zip(rows, subjects.keys_of_texts(texts, subjects.Told(), "person", one), strict=True)
    ]
    if not pairs:
        return
    db.execute("create or replace temp table row_key (row_id bigint, kind varchar, key varchar)")
    db.execute(
        "insert into row_key select unnest(?::bigint[]), unnest(?::varchar[]), unnest(?::varchar[])",
        [[row for row, _, _ in pairs], [kind for _, kind, _ in pairs], [key for _, _, key in pairs]],
    )
    db.execute(
        f"""insert into objector select row_id, min(person_id) from row_key
            inner join registry.restricted.subject_keys as held using (kind, key)
            semi join (select person_id from registry.maintenance_contacts where restriction is not null) using (person_id)
            where held.holders <= {subjects.SHARED_BY} group by row_id"""
    )
