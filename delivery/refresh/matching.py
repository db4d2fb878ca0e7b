"""From a register's columns to the organisation of each row: normal forms, candidates, weights, verdict.

Takes a desk connection (delivery/published.py): `registry` attached, temp tables allowed, nothing else within reach.
"""

import duckdb
import polars as pl

from delivery.refresh import candidates, forms, weighing

ROLES = ("business_id", "name", "street", "postcode", "town", "phone", "email", "website", "person", "first_name", "last_name")

# A postcode may stand with its town in one cell, or at the end of the street's; the name may have a remark behind it.
GIVEN = r"""
create or replace temp table given as
with parted as (
    select *, regexp_extract(coalesce(postcode, ''), '(?:FI-?)?\b([0-9]{4,5})\b\s*(.*)', ['code', 'place'], 'i') as cell,
        regexp_extract(coalesce(street, ''), '^(.*?)[,\s]+(?:FI-?)?([0-9]{5})\s+(\D+)$', ['line', 'code', 'place'], 'i') as line
    from told
), folded as (
    select row_id, business_id(business_id) as business_id,
        if(business_id(business_id) is null, lpad(nullif(digits(business_id), ''), 8, '0'), null) as wrong_id,
        plain(regexp_replace(name, '\s+[/(].*$', '')) as name, line(phone) as phone, mailbox(email) as mailbox,
        nullif(split_part(mailbox(email), '@', 2), '') as mail_site, site(website) as web_site,
        lpad(coalesce(nullif(cell.code, ''), nullif(line.code, '')), 5, '0') as postcode,
        plain(coalesce(town, nullif(cell.place, ''), nullif(line.place, ''))) as town,
        ascii(coalesce(nullif(line.line, ''), street)) as line
    from parted
)
select row_id, business_id, wrong_id, form(name) as form, nullif(core(name), '') as core,
    string_split(nullif(core(name), ''), ' ') as words, phone, mailbox,
    if(mail_site in (from free_mail), null, mail_site) as mail_site, web_site, postcode,
    coalesce(towns.town, nullif(folded.town, '')) as town, street(line) as street, house(line) as house
from folded left join towns on folded.town = towns.told
"""

# Of each row: the organisation, or up to two that it could be, or none; and what spoke for the best.
VERDICT = f"""
create or replace temp table matched as
select row_id, case when score >= {weighing.MATCHED} and coalesce(score - next_score, 99) >= {weighing.MARGIN} then 'matched'
        else 'ambiguous' end as verdict,
    judged.* exclude (row_id, org)
from judged
"""


def match(db: duckdb.DuckDBPyConnection, rows: pl.DataFrame, columns: dict[str, str]) -> None:
    """Make temp table `matched`: row_id, verdict (matched or ambiguous; a row that is not there was not found), business_id,
    the parts of its score in bits, score, next_business_id and next_score of the runner-up.

    rows: `row_id` and text columns; columns: role -> column (delivery/refresh/columns.py).
    """
    cells = [(pl.col(columns[role]) if role in columns else pl.lit(None, pl.String)).alias(role) for role in ROLES]
    told = rows.select("row_id", *cells)
    forms.prepare(db)
    db.register("told_rows", told.to_arrow())
    db.execute("create or replace temp table told as from told_rows")
    db.unregister("told_rows")
    db.execute(GIVEN)
    candidates.find(db)
    weighing.weigh(db)
    db.execute(VERDICT)
