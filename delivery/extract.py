"""The rows of an extract: the selected targets with what a recipient may be told of each, in the columns of columns.csv.

What was selected (delivery/selection.py) lies in the desk's table `selected`; values come from what passed the gates only.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from delivery import columns
from delivery.columns import Language
from delivery.group import TargetGroup
from delivery.terms import address_source
from delivery.tree import CHANNELS
from delivery.wording import worded
from ledger import keys

_SQL = Path(__file__).with_name("extract.sql")
FIRM = (
    "organisation_name", "legal_form_code", "legal_form", "status", "industry_code", "industry", "municipality_code",
    "municipality", "region_code", "region", "website", "staff_band", "taxed_income_year", "taxed_income_eur", "is_employer",
    "is_vat_registered", "is_prepayment_registered", "registered_on",
)  # fmt: skip
"""Columns that say what the organisation is."""
STREET = ("visiting_street", "visiting_postcode", "visiting_town")
_MARKETED = "semi join marketing.organisations as open_firms on organisations.business_id = open_firms.business_id"
_MAINTAINED = """anti join (
        select business_id from registry.gate_audit where person_id is null and gate in ('SAFETY', 'ERASED')
    ) as closed_firms on organisations.business_id = closed_firms.business_id"""
"""Whose organisation is told: for marketing one that nobody who objects stands in the name of; a register keeps those too."""


@dataclass(frozen=True)
class Extract:
    """Rows of the file, and whom they are about: target_id, person_id and business_id, row by row in the same order."""

    rows: pa.Table
    subjects: pa.Table
    sources: list[str]


def extract(
    db: duckdb.DuckDBPyConnection, group: TargetGroup, recipient_id: str, language: Language, valid_until: date
) -> Extract:
    """Everything of the selected targets. Rows are ordered by organisation and person, whatever the engine did.

    Raises keys.SecretMissing: a recipient knows rows and persons by ids of their own.
    """
    is_maintenance = group.purpose == "maintenance"
    sql = _SQL.read_text(encoding="utf-8").format(
        language=language,
        municipality_language="sv" if language == "sv" else "fi",
        contacts="registry.maintenance_contacts" if is_maintenance else "registry.marketing_contacts",
        restriction="contacts.restriction" if is_maintenance else "null::varchar",
        open_firms=_MAINTAINED if is_maintenance else _MARKETED,
        firm_reasons=_withheld(FIRM),
        street_reasons=_withheld(STREET),
        **{
            f"{channel}_reasons": _withheld(_of_channel(channel)) if channel in group.channels else "[]" for channel in CHANNELS
        },
    )
    db.execute(f"create or replace temp table extracted as {sql}")
    subjects = _fetched(db, "select target_id, person_id, business_id from extracted")
    people, firms = subjects["person_id"].to_pylist(), subjects["business_id"].to_pylist()
    told_by = db.execute("select distinct sources from extracted order by sources").fetchall()
    db.register("ids", pa.table({
        "target_id": subjects["target_id"],
        "row_id": row_ids(recipient_id, people, firms),
        "contact_person_id": keys.keyed([person and f"{recipient_id}|{person}" for person in people], "target"),
    }))  # fmt: skip
    db.register("lines", pa.table({
        "sources": pa.array([sources for (sources,) in told_by], pa.list_(pa.string())),
        "address_source": [address_source(sources or [], language) for (sources,) in told_by],
    }))  # fmt: skip
    reasons = [text for (text,) in db.execute("select distinct unnest(why) from extracted order by 1").fetchall()]
    said = pa.array(
        [list(zip(reasons, [worded(text, language) for text in reasons], strict=True))], pa.map_(pa.string(), pa.string())
    )
    db.register("words", pa.table({"said": said}))
    wanted = columns.schema(columns.of(maintenance=is_maintenance))
    made = {f"postal_line_{number}": f"extracted.envelope[{number}]" for number in (1, 2, 3)}
    made |= {"row_id": "ids.row_id", "contact_person_id": "ids.contact_person_id", "address_source": "lines.address_source"}
    made["why"] = "list_transform(extracted.why, lambda condition: words.said[condition])"
    made["valid_until"] = f"date '{valid_until}'"
    shown = ", ".join(f"{made.get(name, f'extracted.{name}')} as {name}" for name in wanted.names)
    rows = _fetched(db, f"""
        select {shown} from extracted cross join words inner join ids on extracted.target_id = ids.target_id
        left join lines on extracted.sources is not distinct from lines.sources
        order by extracted.business_id, extracted.person_id nulls first""")  # fmt: skip
    return Extract(rows.cast(wanted), subjects, sorted({source for (sources,) in told_by for source in sources or ()}))


def known_as(whole: Extract, held: pa.Table) -> Extract:
    """The extract with the row ids that its recipient knows already: those of `held` (delta.ROWS), by person and organisation.

    A rotation of the secret gives every row another id; what a recipient holds must still be found by the old one.
    """
    with duckdb.connect() as db:
        named = whole.subjects.append_column("row_id", whole.rows["row_id"])
        db.register("ours", named.append_column("place", pa.array(range(named.num_rows), pa.int64())))
        db.register("held", held)
        ids = db.sql("""
            select coalesce(held.row_id, ours.row_id) as row_id
            from ours
            left join held on ours.person_id is not distinct from held.person_id and ours.business_id = held.business_id
            order by ours.place""").to_arrow_table()  # fmt: skip
    at = whole.rows.column_names.index("row_id")
    return Extract(whole.rows.set_column(at, whole.rows.schema.field(at), ids["row_id"]), whole.subjects, whole.sources)


def _fetched(db: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    return db.sql(sql).to_arrow_table()


def row_ids(recipient_id: str, people: Sequence[str | None], firms: Sequence[str]) -> list[str | None]:
    """What a recipient calls rows: the same in each delivery to them, another with everybody else."""
    texts = [f"{recipient_id}|{person or ''}|{firm}" for person, firm in zip(people, firms, strict=True)]
    return keys.keyed(texts, "target")


def _of_channel(channel: str) -> list[str]:
    return [column.code for column in columns.every().values() if column.channel == channel]


def _withheld(codes: Iterable[str]) -> str:
    """SQL: these columns, each withheld."""
    return "[" + ", ".join(f"{{'column': '{code}', 'reason': 'WITHHELD'}}" for code in codes) + "]"
