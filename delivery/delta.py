"""What has changed since the delivery before: LISAYS, MUUTOS, POISTO, YHDISTETTY; apply(previous, delta) is the full file.

Of a delivered row the house keeps its ids and a digest of what it said, no data. A row that only grew older (VOLATILE) has not
changed; the manifest's valid_until renews every row of the order that was not removed.
"""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from base import files
from ledger import keys

VOLATILE = ("valid_until", "verified_on", "p_current", "why", "address_source", "null_reasons")
"""Columns that change by the day alone, or say why and whence: not what a customer's register holds of somebody."""
ROWS = pa.schema([
    ("row_id", pa.string()), ("person_id", pa.string()), ("business_id", pa.string()), ("digest", pa.string()),
    ("channels", pa.list_(pa.string())), ("is_told", pa.bool_()),
])  # fmt: skip
"""What is kept of a row that a recipient has. channels: those it told a value of. is_told: whether this delivery told of it."""
TOLD_BY = {"email": "email", "phone": "phone", "post": "postal_line_1"}
"""Channel -> the column that is null when it was not told."""


def digests(rows: pa.Table, subjects: pa.Table) -> pa.Table:
    """Of each row its ids and the digest of what it says (ROWS). subjects: person_id and business_id, in the order of rows."""
    said = [name for name in rows.column_names if name not in (*VOLATILE, "row_id", "contact_person_id")]
    packed = ", ".join(f'"{name}" := "{name}"' for name in said)
    channels = ", ".join(f"if({column} is not null, '{channel}', null)" for channel, column in TOLD_BY.items())
    with duckdb.connect() as db:
        db.register("told", rows.select([*said, "row_id"]))
        made = db.sql(f"""
            select
                row_id,
                md5(to_json(struct_pack({packed}))::varchar) as digest,
                list_filter([{channels}], lambda channel: channel is not null) as channels
            from told""").to_arrow_table()  # fmt: skip
    listed = [made["row_id"], subjects["person_id"], subjects["business_id"], made["digest"], made["channels"]]
    listed.append(pa.array([True] * made.num_rows))
    return pa.table(listed, schema=ROWS)


def told_by(digests: pa.Table, steps: pa.Table) -> pa.Table:
    """The digests of a delivery that tells only of these steps."""
    told = set(steps["row_id"].to_pylist())
    is_told = pa.array([row_id in told for row_id in digests["row_id"].to_pylist()], pa.bool_())
    return digests.set_column(ROWS.get_field_index("is_told"), "is_told", is_told)


def changes(before: pa.Table | None, now: pa.Table, known: pa.Table | None = None) -> pa.Table:
    """operation and row_id of each row that was added, changed or is gone; person_id and business_id of those gone.

    before: of the delivery before; None when there is none. known: the same rows by the ids that persons have now
    (as_known_now): one that is gone because its person turned out to be another of the rows is merged_into that row. Ordered by
    operation and row.
    """
    held = ROWS.empty_table() if before is None else before
    with duckdb.connect() as db:
        db.register("before", held)
        db.register("known", held if known is None else known)
        db.register("now", now)
        return db.sql("""
            select
                case
                    when before.row_id is null then 'LISAYS'
                    when heir.row_id is not null then 'YHDISTETTY'
                    when now.row_id is null then 'POISTO'
                    else 'MUUTOS'
                end as operation,
                coalesce(now.row_id, before.row_id) as row_id,
                coalesce(now.person_id, before.person_id) as person_id,
                coalesce(now.business_id, before.business_id) as business_id,
                heir.row_id as merged_into
            from before
            full join now on before.row_id = now.row_id
            left join known on before.row_id = known.row_id and before.person_id <> known.person_id and now.row_id is null
            left join now as heir on known.person_id = heir.person_id and known.business_id = heir.business_id
            where before.digest is distinct from now.digest
            order by 1, 2
        """).to_arrow_table()


def as_known_now(desk: duckdb.DuckDBPyConnection, rows: pa.Table) -> pa.Table:
    """Rows that a recipient has with the ids that their persons have in the published version: two may have become one."""
    desk.register("known_then", rows)
    return desk.sql("""
        select known_then.* replace (coalesce(redirects.person_id, known_then.person_id) as person_id)
        from known_then
        left join registry.restricted.person_redirects as redirects on known_then.person_id = redirects.former_person_id
        order by known_then.row_id""").to_arrow_table()


def write(path: Path, rows: pa.Table) -> None:
    """Keep the digests of a delivery."""
    with files.atomic_file(path) as temporary, duckdb.connect() as db:
        db.register("rows", rows)
        name = str(temporary).replace("'", "''")
        db.execute(f"copy (from rows order by row_id) to '{name}' (format parquet, compression zstd)")


def read(path: Path) -> pa.Table:
    """The digests of a delivery, with persons' ids of the newest version of the secret."""
    rows = pq.read_table(path, schema=ROWS)
    brought = keys.current().brought(rows["person_id"].to_pylist())
    return rows.set_column(ROWS.get_field_index("person_id"), "person_id", pa.array(brought, pa.string()))
