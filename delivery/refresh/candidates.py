"""Which rows could be which organisations: the register's side in normal forms, and the pairs worth weighing.

A pair is worth weighing when the two share something that few organisations have: each rule joins on one key, and leaves a key
of too many organisations alone. A typing error breaks one key, seldom all: whole names, their beginnings and ends, rare words,
words at one postcode, addresses, numbers, mailboxes and sites stand beside each other.

Takes temp table `given` (matching.py) and the attached `registry`; makes `organisation`, `face` (names), `place` and `pair`.
"""

import duckdb

# rule -> most organisations that a key may have. Beyond it the key says little, and others bring what is true.
CAPS = {
    "phone": 50, "mailbox": 50, "site": 40, "name": 60, "name and place": 60, "address": 40, "address and town": 40, "word": 60,
    "word and postcode": 40, "word and town": 40, "beginning": 60, "end": 60,
}  # fmt: skip

REGISTER = {
    "organisation": """
        select row_number() over () as org, business_id, phone, lower(email) as mailbox,
            nullif(split_part(lower(email), '@', 2), '') as mail_site, site(website) as web_site
        from registry.organisations""",
    # A name is current (1), a trade name (2) or a former one (3); of equal ones the first kind counts.
    "face": """
        with told as (
            select business_id, name, 1 as kind from registry.organisations
            union all select business_id, unnest(trade_names), 2 from registry.organisations
            union all select history.business_id, history.name, 3 from registry.organisation_history as history
                inner join registry.organisations as current using (business_id) where history.name <> current.name
        ), folded as materialized (select business_id, kind, plain(name) as plain from told),
        cored as materialized (select business_id, kind, core(plain) as core, form(plain) as form from folded),
        kept as (
            select org, core, kind, form from cored inner join organisation using (business_id) where kind = 1
            union all
            select org, cored.core, min(cored.kind), arg_min(cored.form, cored.kind)
            from cored inner join organisation using (business_id)
                inner join (select business_id, core from cored where kind = 1) as current using (business_id)
                where cored.kind > 1 and cored.core <> current.core group by all
        )
        select *, string_split(core, ' ') as words, count(*) over (partition by core) as bearers from kept where core <> ''""",
    "town": """
        with told as (select distinct visiting_town as told from registry.organisations
            union select distinct postal_town from registry.organisations
            union select distinct visiting_town from registry.organisation_history
            union select distinct postal_town from registry.organisation_history)
        select told.told, coalesce(towns.town, plain(told.told)) as town
        from told left join towns on plain(told.told) = towns.told
        where told.told is not null""",
    # Where it is (1), or was (2).
    "place": """
        with told as (
            select business_id, visiting_street as line, visiting_postcode as postcode, visiting_town as told, 1 as kind
            from registry.organisations
            union all select business_id, postal_street, postal_postcode, postal_town, 1 from registry.organisations
            union all select business_id, visiting_street, visiting_postcode, visiting_town, 2
                from registry.organisation_history where valid_to is not null
            union all select business_id, postal_street, postal_postcode, postal_town, 2
                from registry.organisation_history where valid_to is not null
        ), kept as (
            select business_id, ascii(line) as line, postcode, told, min(kind) as kind from told
            where postcode is not null or told is not null group by all
        )
        select org, street(line) as street, house(line) as house, postcode, town, kind
        from kept inner join organisation using (business_id) left join town using (told)""",
}

# Rows that need no search: the business id with a name like it, or the same name with the same number, mailbox or address.
SETTLED = """
    with hit as (
        select row_id, org from given inner join organisation using (business_id) inner join face using (org)
        where jaro_winkler_similarity(given.core, face.core) >= 0.9
        union select row_id, org from given inner join organisation using (phone) inner join face using (org, core)
        where given.business_id is null
        union select row_id, org from given inner join organisation using (mailbox) inner join face using (org, core)
        where given.business_id is null
        union select row_id, org from given inner join place using (postcode, street, house) inner join face using (org, core)
        where given.business_id is null
    )
    select row_id, min(org) as org from hit group by row_id having count(*) = 1"""

# Both sides of a rule: what gives (row_id, key) and what gives (org, key).
RULES = {
    "phone": ("select row_id, phone from waiting", "select org, phone from organisation"),
    "mailbox": ("select row_id, mailbox from waiting", "select org, mailbox from organisation"),
    "site": (
        "select row_id, unnest(list_distinct([web_site, mail_site])) from waiting",
        "select org, unnest(list_distinct([web_site, mail_site])) from organisation",
    ),
    "name": ("select row_id, core from waiting", "select org, core from face"),
    "name and place": (
        "select row_id, core || '|' || unnest([postcode, town]) from waiting",
        "select org, core || '|' || unnest([postcode, town]) from face inner join place using (org) where bearers > 60",
    ),
    "address": (
        "select row_id, postcode || '|' || street || '|' || house from waiting",
        "select org, postcode || '|' || street || '|' || house from place",
    ),
    "address and town": (
        "select row_id, town || '|' || street || '|' || house from waiting where postcode is null",
        "select org, town || '|' || street || '|' || house from place",
    ),
    "word and town": (
        "select row_id, town || '|' || left(unnest(words), 4) from waiting where postcode is null",
        "select org, town || '|' || left(unnest(words), 4)"
        " from (select distinct org, words, town from face inner join place using (org))",
    ),
    "word": (
        """select row_id, word from (select row_id, unnest(list_distinct(words)) as word from waiting) as one
           inner join word_bearers using (word) where length(word) > 2
           qualify row_number() over (partition by row_id order by bearers, word) <= 2""",
        "select org, unnest(words) from face",
    ),
    "word and postcode": (
        "select row_id, postcode || '|' || left(unnest(words), 4) from waiting",
        "select org, postcode || '|' || left(unnest(words), 4)"
        " from (select distinct org, words, postcode from face inner join place using (org))",
    ),
    "beginning": (
        "select row_id, left(replace(core, ' ', ''), 8) from waiting where length(core) > 5",
        "select org, left(replace(core, ' ', ''), 8) from face where length(core) > 5",
    ),
    "end": (
        "select row_id, right(replace(core, ' ', ''), 9) from waiting where length(core) > 5",
        "select org, right(replace(core, ' ', ''), 9) from face where length(core) > 5",
    ),
}


def steps() -> list[tuple[str, str]]:
    """(what, SQL) in their order; each makes or fills a temp table."""
    made = [(table, f"create or replace temp table {table} as {query}") for table, query in REGISTER.items()]
    made.append(("settled", f"create or replace temp table settled as {SETTLED}"))
    made.append(("waiting", "create or replace temp table waiting as from given anti join settled using (row_id)"))
    made.append(
        ("word_bearers", "create or replace temp table word_bearers as select word, count(*) as bearers from"
         " (select unnest(words) as word from face) where word in (select unnest(words) from waiting) group by word")
    )  # fmt: skip
    made.append(
        ("pair: business id", "create or replace temp table found as"
         " select row_id, org, 'business id' as rule from waiting inner join organisation using (business_id)"
         " union all select row_id, org, 'settled' from settled")
    )  # fmt: skip
    for rule, (ours, theirs) in RULES.items():
        made.append(
            (f"pair: {rule}", f"""insert into found
                with ours(row_id, key) as ({ours}), theirs(org, key) as ({theirs}),
                wanted as (select distinct key from ours where key is not null),
                kept as (select distinct org, key from theirs semi join wanted using (key)
                    qualify count(*) over (partition by key) <= {CAPS[rule]})
                select distinct row_id, org, '{rule}' from ours inner join kept using (key)""")
        )  # fmt: skip
    made.append(("pair", "create or replace temp table pair as select distinct row_id, org from found"))
    return made


def find(db: duckdb.DuckDBPyConnection) -> None:
    """Make the tables."""
    for _, sql in steps():
        db.execute(sql)
