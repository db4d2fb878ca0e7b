"""How much speaks for a pair: every part is a number of bits with a name, and a pair's score is their sum.

A part that two random organisations share one time in a thousand is worth ten bits (log2), as in Fellegi and Sunter's theory of
record linkage: so a rare name weighs more than a common one, and Sompio more than Helsinki. What contradicts takes bits away.
A row belongs to an organisation when its best pair has MATCHED bits beyond what chance among all organisations would bring, and
no other comes within MARGIN bits of it. The constants were tuned on worlds of bench/refresh_world.py, never on the seed that
its figures are told of.
"""

import duckdb

MATCHED = -1.0
POSSIBLE = -5.0
MARGIN = 2.0

PARTS = ("id", "name", "form", "place", "street", "phone", "mailbox", "site")
"""What speaks for a pair: column `<part>_bits` of what is judged."""

# Similar names share letters by chance: from bits of agreement down to bits of contradiction.
_NAME = """
    case when similarity = 1 then rarity
        when similarity >= 0.5 then rarity * least(1, (similarity - 0.5) / 0.42) * 0.95 - 5 * (1 - similarity) * 2
        else -9 end"""

STEPS = {
    "size": "select log2(greatest(count(*), 2)) as bits from organisation",
    "town_bearers": "select town, count(*) as bearers from place where kind = 1 and town is not null group by town",
    "postcode_bearers": """select postcode, count(*) as bearers from place where kind = 1 and postcode is not null
        group by postcode""",
    "site_bearers": """select site, count(distinct org) as bearers from (
        select org, mail_site as site from organisation union all select org, web_site from organisation) group by site""",
    # The name that is most alike of all that the organisation has or had. A word more or less counts less than other letters.
    "name_part": f"""
        with compared as materialized (
            select pair.row_id, pair.org, face.kind, face.form as their_form, given.form as our_form,
                bits - log2(bearers) as rarity,
                case when given.core = face.core then 1.0
                    when jaro_winkler_similarity(given.core, face.core) >= 0.8 then greatest(
                        1 - levenshtein(given.core, face.core) / greatest(length(given.core), length(face.core)),
                        0.95 * len(list_intersect(given.words, face.words)) * 2.0 / (len(given.words) + len(face.words)))
                    else 0.95 * len(list_intersect(given.words, face.words)) * 2.0 / (len(given.words) + len(face.words))
                end as similarity
            from pair inner join given using (row_id) inner join face using (org), size where given.core is not null
        )
        , one as (
            select *, {_NAME} as name from compared
            qualify row_number() over (partition by row_id, org order by name desc, kind) = 1
        )
        select row_id, org, round(name, 1) as name, kind as name_kind, similarity,
            case when our_form = their_form then 1.0 when our_form <> their_form then -2.5 else 0.0 end as legal_form
        from one""",
    "place_part": """
        with compared as (
            select pair.row_id, pair.org, place.kind,
                case when given.postcode = place.postcode then 0.9 * (bits - log2(postcodes.bearers))
                    when given.town = place.town then 0.8 * (bits - log2(towns.bearers))
                    when left(given.postcode, 2) = left(place.postcode, 2) then -1.5
                    when given.postcode is null and given.town is null then 0 else -3 end as area,
                case when given.street is null or place.street is null then 0
                    when area < 0 and given.street <> place.street then 0
                    when given.street = place.street and given.house = place.house then 7
                    when given.house = place.house and jaro_winkler_similarity(given.street, place.street) >= 0.88 then 6
                    when given.street = place.street then 2 else -2.5 end as street
            from pair inner join given using (row_id) inner join place using (org)
            left join postcode_bearers as postcodes on place.postcode = postcodes.postcode
            left join town_bearers as towns on place.town = towns.town, size
        )
        select row_id, org, round(arg_max(area, area + street), 1) as place, arg_max(street, area + street)::double as street,
            arg_max(kind, area + street) as place_kind
        from compared group by row_id, org""",
    "weighed": """
        with part as (
            select pair.row_id, pair.org, bits,
                case when given.business_id = organisation.business_id then bits + 10
                    when given.business_id in (select business_id from organisation) then -10
                    when given.business_id is not null then -5
                    when levenshtein(given.wrong_id, replace(organisation.business_id, '-', '')) = 1 then bits - 6
                    else 0 end as id_bits,
                coalesce(name_part.name, 0) as name_bits, coalesce(name_part.legal_form, 0)::double as form_bits,
                coalesce(place_part.place, 0) as place_bits, coalesce(place_part.street, 0) as street_bits,
                case when given.phone = organisation.phone then bits - 3
                    when given.phone <> organisation.phone then -1 else 0 end as phone_bits,
                case when given.mailbox = organisation.mailbox then bits - 3 else 0 end as mailbox_bits,
                case when given.mailbox = organisation.mailbox then 0
                    when given.web_site in (organisation.web_site, organisation.mail_site) then bits - log2(web.bearers) - 2
                    when given.mail_site in (organisation.web_site, organisation.mail_site) then bits - log2(mail.bearers) - 2
                    when given.web_site <> organisation.web_site then -3
                    else 0 end as site_bits,
                coalesce(name_kind, 1) as name_kind, coalesce(place_kind, 1) as place_kind, coalesce(similarity,
                    0) as similarity
            from pair inner join given using (row_id) inner join organisation using (org)
            left join name_part using (row_id, org) left join place_part using (row_id, org)
            left join site_bearers as web on given.web_site = web.site
            left join site_bearers as mail on given.mail_site = mail.site, size
        )
        select row_id, org, name_kind, place_kind, similarity, round(id_bits, 1) as id_bits, name_bits, form_bits, place_bits,
            street_bits, round(phone_bits, 1) as phone_bits, round(mailbox_bits, 1) as mailbox_bits, round(site_bits,
                1) as site_bits,
            round(id_bits + name_bits + form_bits + place_bits + street_bits + phone_bits + mailbox_bits
                + site_bits - bits, 1) as score
        from part""",
    # Of each row the best organisation, how far behind the next one is, and what that makes of the row.
    "judged": f"""
        select organisation.business_id, weighed.*,
            lead(score) over best as next_score, lead(organisation.business_id) over best as next_business_id
        from weighed inner join organisation using (org)
        where score >= {POSSIBLE}
        window best as (partition by row_id order by score desc, organisation.business_id)
        qualify row_number() over best = 1""",
}


def steps() -> list[tuple[str, str]]:
    """(what, SQL) in their order; each makes a temp table."""
    return [(table, f"create or replace temp table {table} as {query}") for table, query in STEPS.items()]


def weigh(db: duckdb.DuckDBPyConnection) -> None:
    """Make the tables; the last is `judged`."""
    for _, sql in steps():
        db.execute(sql)
