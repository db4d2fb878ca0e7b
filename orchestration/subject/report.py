"""The answer to a person who asks what we hold of them (GDPR art. 15, L-15): everything, in three languages.

One document as JSON for programs and, for people, as one self-contained page and a PDF. Every value stands with its
source, its load and its days; every recipient by name (C-154/21). What an organisation told of a colleague is shown to the
colleague; the interviewer and our own staff are not named.
"""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

import duckdb
import jinja2
import yaml

from base.files import atomic_file, write_text
from ingest.lake import literal
from ingest.source import Source
from ledger import disclosures, objections, store
from ledger.tables import Correction, Notice, ObjectionKey
from orchestration.subject import report_pdf
from orchestration.subject.find import Subject, subject, warehouse

Language = Literal["fi", "sv", "en"]
LANGUAGES: tuple[Language, ...] = ("fi", "sv", "en")
SECTIONS = (
    "values", "contacts", "roles", "areas", "history", "corrections", "objections", "notices", "recipients", "sources",
)  # fmt: skip
HERE = Path(__file__).parent
SAID = ("birth_date", "register_person_id", "title", "email", "phone", "language", "visiting", "postal")
Rows = list[dict[str, Any]]


def report(home: Path, person_id: str, language: Language = "fi", today: date | None = None) -> dict[str, Any]:
    """The document of one person. Raises Refused when the last build knows nobody of that id, or a build is running."""
    known = subject(home, person_id)
    texts = _texts(language)
    with warehouse(home) as db:
        db.execute("use main")
        content: dict[str, Any] = {
            "made_on": (today or date.today()).isoformat(),
            "language": language,
            "person_id": person_id,
            "purposes": texts["purposes"],
            "values": _values(db, person_id) + _feedback(db, home, known),
            "contacts": _contacts(db, person_id),
            "roles": _roles(db, person_id, language),
            "areas": _areas(db, person_id, language, texts),
            "history": _history(db, person_id, language),
            "freshness": texts["freshness"].format(rate=_yearly_share(db)),
        }
    content |= _promises(home, known)
    named = {row["source"] for part in ("values", "contacts", "roles") for row in content[part]} & set(Source.names())
    content["sources"] = [
        {
            "source": sheet.name, "publisher": sheet.publisher, "legal_basis": " ".join(sheet.legal_basis.split()),
            "kept_days": sheet.retention_days,
        }
        for sheet in map(Source.load, sorted(named))
    ]  # fmt: skip
    content["rights"] = texts["rights_text"]
    return content


def write(content: dict[str, Any], folder: Path) -> list[Path]:
    """Write the document as JSON, as a page and as PDF; returns the paths. The folder is for this answer only: clear text.

    There is no PDF of a document with a letter that its font lacks (report_pdf.py); the page has every letter.
    """
    stem = folder / f"report-{content['person_id']}-{content['language']}"
    as_json, page = stem.with_suffix(".json"), stem.with_suffix(".html")
    write_text(as_json, json.dumps(content, ensure_ascii=False, indent=1, default=str) + "\n")
    write_text(page, html(content))
    if (made := pdf(content)) is None:
        return [as_json, page]
    with atomic_file(stem.with_suffix(".pdf")) as temporary:
        temporary.write_bytes(made)
    return [as_json, page, stem.with_suffix(".pdf")]


def html(content: dict[str, Any]) -> str:
    """The page of a document: one file, nothing is loaded from anywhere."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string((HERE / "report.html").read_text(encoding="utf-8"))
    language = content["language"]
    return page.render(report=content, language=language, text=_texts(language), sections=SECTIONS, shown=_shown)


def pdf(content: dict[str, Any]) -> bytes | None:
    """What the page says, in its order, as PDF."""
    text = _texts(content["language"])
    about = f"{text['made_on']} {content['made_on']}. {text['person_id']}: {content['person_id']}"
    parts: list[report_pdf.Part] = [("", about), ("", text["intro"]), (text["purposes_head"], text["purposes"])]
    for section in SECTIONS:
        rows = [{text["column"][key]: _shown(value) for key, value in row.items()} for row in content[section]]
        parts.append((text[section], rows or text["nothing"]))
    parts += [(text["logic"], content["freshness"]), (text["rights"], text["rights_text"])]
    return report_pdf.pdf(text["title"], parts, content["language"])


def _texts(language: Language) -> dict[str, Any]:
    told = yaml.safe_load((HERE / "report_texts.yml").read_text(encoding="utf-8"))
    columns = {key: names[language] for key, names in told.pop("column").items()}
    return {key: names[language] for key, names in told.items()} | {"column": columns}


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _ask(db: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any]) -> Rows:
    told = db.execute(sql, values)
    columns = [column[0] for column in told.description or []]
    return [dict(zip(columns, row, strict=True)) for row in told.fetchall()]


def _values(db: duckdb.DuckDBPyConnection, person_id: str) -> Rows:
    """Every record that names the person, taken apart into its values."""
    mentions = _ask(
        db,
        """
        select m.*, o.name as organisation, l.language_code as language,
               nullif(concat_ws(', ', l.visiting_street, concat_ws(' ', l.visiting_postcode, l.visiting_town)), '') as visiting,
               nullif(concat_ws(', ', l.postal_street, concat_ws(' ', l.postal_postcode, l.postal_town)), '') as postal
        from enriched.enr_person_of_mention p
        inner join enriched.enr_person_mentions m on p.mention_id = m.mention_id
        left join (select distinct on (mention_id) * from enriched.enr_surveyed_links) l on m.mention_id = l.mention_id
        left join organisations o on m.business_id = o.business_id
        where p.person_id = ? order by m.first_seen_on, m.mention_id
        """,
        [person_id],
    )
    found: Rows = []
    for told in mentions:
        names = [" ".join(filter(None, name.values())) for name in told["names"]]
        values = [("name", name) for name in sorted(names)] + [(what, told[what]) for what in SAID if told[what]]
        found += [
            {
                "what": what, "value": value, "business_id": told["business_id"], "organisation": told["organisation"],
                "source": told["source_name"], "load_id": told["load_id"], "told_on": told["first_seen_on"],
                "verified_on": told["as_of"],
            }
            for what, value in values
        ]  # fmt: skip
    return found


def _feedback(db: duckdb.DuckDBPyConnection, home: Path, known: Subject) -> Rows:
    """What customers reported of the person's own addresses and numbers; which customer is told under recipients."""
    own = sorted(known.person.emails | known.person.phones)
    files = home / "raw" / "bounces" / "events" / "load=*" / "*.parquet"
    if not own or not any(files.parent.parent.glob("load=*/*.parquet")):
        return []
    return _ask(
        db,
        f"""
        select 'feedback' as what, disposition as value, business_id, null as organisation, 'bounces' as source,
               _load_id as load_id, cast(occurred_at as date) as told_on, _as_of as verified_on
        from read_parquet({literal(files)}, union_by_name = true, hive_partitioning = false)
        where _op <> 'D' and list_contains(?::varchar[], contact) order by occurred_at, disposition
        """,
        [own],
    )


def _contacts(db: duckdb.DuckDBPyConnection, person_id: str) -> Rows:
    return _ask(
        db,
        """
        select channel, value, business_id, subject_kind, acquisition_method, verifier, verified_on, invalid_at,
               round(p_current, 3) as p_current, source_name as source, load_id
        from contact_points where person_id = ? order by business_id, channel, value
        """,
        [person_id],
    )


def _roles(db: duckdb.DuckDBPyConnection, person_id: str, language: Language) -> Rows:
    columns = f"""role_name_{language} as role, business_id, started_on, ended_on, last_seen_on as verified_on,
                  source_name as source, load_id"""
    return _ask(
        db,
        f"""
        select {columns} from responsible_persons where person_id = ?
        union all
        select {columns} from restricted.restricted_role_holders where person_id = ?
        order by started_on, business_id, role
        """,
        [person_id, person_id],
    )


def _areas(db: duckdb.DuckDBPyConnection, person_id: str, language: Language, texts: dict[str, Any]) -> Rows:
    rows = _ask(
        db,
        f"""
        select d.area_name_{language} as area, d.business_id, d.title, d.level, d.area_source as why, d.confidence,
               d.verified_on, d.verifier, round(d.p_current, 3) as p_current, d.load_id,
               (select min(t.reason) from enriched.enr_title_classification t
                where t.title_told = d.title and t.area_code = d.area_code) as reason
        from decision_makers d where d.person_id = ? order by d.business_id, d.area_code
        """,
        [person_id],
    )
    for row in rows:
        reason, how = row.pop("reason"), row["why"]
        row["why"] = texts[f"why_{how}"] + (f" ({reason})" if how == "title" and reason else "")
    return rows


def _history(db: duckdb.DuckDBPyConnection, person_id: str, language: Language) -> Rows:
    return _ask(
        db,
        f"""
        select a.name_{language} as area, h.business_id, h.title, h.valid_from as started_on, h.valid_to as ended_on,
               h.source_name as source, h.load_id
        from decision_maker_history h left join reference.areas_of_responsibility a on h.area_code = a.code
        where h.person_id = ? order by h.valid_from, h.business_id, h.area_code
        """,
        [person_id],
    )


def _yearly_share(db: duckdb.DuckDBPyConnection) -> int:
    """How many of a hundred such links end in a year, over all organisations."""
    row = db.execute("""
        select round(100 * (1 - exp(-yearly_rate))) from decay_rates
        where channel = 'link' and staff_band = '*' and industry_section = '*' and area_code = '*'
    """).fetchone()
    return int(row[0]) if row else 0


def _promises(home: Path, known: Subject) -> dict[str, Rows]:
    if not store.exists(home):
        return {"corrections": [], "objections": [], "notices": [], "recipients": []}
    own = {key for _, key in known.all_keys()}
    hit = {row["objection_id"] for row in store.rows(home, ObjectionKey) if row["key"] in own}
    return {
        "corrections": [
            {key: row[key] for key in ("field", "value", "business_id", "made_at")}
            for row in store.rows(home, Correction)
            if row["person_id"] in known.ids
        ],
        "objections": [
            {key: row[key] for key in ("kind", "purpose", "channel", "effective_at", "revoked_at")}
            for row in objections.every(home)
            if row["objection_id"] in hit
        ],
        "notices": [
            {key: row[key] for key in ("sent_on", "channel", "language", "exception_class")}
            for row in store.rows(home, Notice)
            if row["person_id"] in known.ids
        ],
        "recipients": [
            {
                "recipient": row["recipient_name"], "business_id": row["recipient_business_id"], "file": row["file"],
                "disclosed_at": row["disclosed_at"], "valid_until": row["valid_until"], "purpose": row["purpose"],
                "fields": row["fields"],
            }
            for row in disclosures.of(home, known.ids)
        ],
    }  # fmt: skip
