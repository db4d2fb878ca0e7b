"""From raw record texts to typed rows, set-based: what the shape of a record says, what its values say, what is kept.

Each record's *structure* (its keys and JSON types) is computed once by DuckDB; the few hundred distinct structures of a
dump are judged here, one by one, against the columns of source.yml. So a number where a text belongs, an object where a
list belongs, or a field nobody knew is found in every record without a Python step per record.
"""

import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from base.normalise.sql import register
from ingest.lake import digest
from ingest.load import Load
from ingest.records import compare, json_spec, quoted
from ingest.sources.ytj import framing

SEEDS = Path(__file__).parents[3] / "dbt_project" / "seeds"
MAX_RECORD_BYTES = 8 << 20
SLICE = 2048
# Raise it when a rule of this module changes: the next dump is then parsed whole, once.
RULES = 1
MAX_NAME = 1000  # OpenAPI schema, RegisterName.name
REQUIRED = ("businessId", "registeredEntries", "tradeRegisterStatus", "lastModified")  # OpenAPI schema, Company
REFUSED = ("descriptions", "addresses[].co")  # see fields_refused in source.yml

# Where a code stands in a landed row, and the code list (register_codes.csv) it must come from.
CODES = {
    "names[].type": ("TLAJI", "list_transform(names, lambda x: x.type)"),
    "registeredEntries[].register": ("REK", "list_transform(registeredEntries, lambda x: x.register)"),
    "registeredEntries[].type": ("REK_KDI", "list_transform(registeredEntries, lambda x: x.type)"),
    "companySituations[].type": ("SITUATION", "list_transform(companySituations, lambda x: x.type)"),
    "addresses[].type": ("ADDRESS_TYPE", "list_transform(addresses, lambda x: x.type::varchar)"),
    "companyForms[].type": ("YRMU", "list_transform(companyForms, lambda x: x.type)"),
    "mainBusinessLine.typeCodeSet": ("TOIMI", "[mainBusinessLine.typeCodeSet]"),
    "status": ("STATUS3", "[status]"),
    "tradeRegisterStatus": ("REK_KDI", "[tradeRegisterStatus]"),
}
DATES = [
    ("businessId.registrationDate", "[businessId.registrationDate]"),
    ("names[].registrationDate", "list_transform(names, lambda x: x.registrationDate)"),
    ("names[].endDate", "list_transform(names, lambda x: x.endDate)"),
    ("mainBusinessLine.registrationDate", "[mainBusinessLine.registrationDate]"),
    ("website.registrationDate", "[website.registrationDate]"),
    ("companyForms[].registrationDate", "list_transform(companyForms, lambda x: x.registrationDate)"),
    ("companyForms[].endDate", "list_transform(companyForms, lambda x: x.endDate)"),
    ("companySituations[].registrationDate", "list_transform(companySituations, lambda x: x.registrationDate)"),
    ("companySituations[].endDate", "list_transform(companySituations, lambda x: x.endDate)"),
    ("registeredEntries[].registrationDate", "list_transform(registeredEntries, lambda x: x.registrationDate)"),
    ("registeredEntries[].endDate", "list_transform(registeredEntries, lambda x: x.endDate)"),
    ("addresses[].registrationDate", "list_transform(addresses, lambda x: x.registrationDate)"),
    ("registrationDate", "[registrationDate]"),
    ("endDate", "[endDate]"),
]

MACROS = r"""
create or replace temp macro bad_date(d) as
    d <> '' and (try_cast(d as date) is null or not regexp_full_match(d, '[0-9]{4}-[0-9]{2}-[0-9]{2}'));
create or replace temp macro suspicious_dates(joined) as
    not regexp_full_match(joined, '([0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])|,)*')
    or regexp_matches(joined, '-02-(29|3)|-(04|06|09|11)-31|0000-');
"""

# The id of a record that cannot be parsed, so that quarantine can name it and its last good version is not taken for gone.
CLAIMED_ID = r'"businessId"\s*:\s*\{\s*"value"\s*:\s*"([^"]{1,20})"'


@dataclass(frozen=True)
class Verdict:
    """What a structure says of every record that has it: refused for `reason` at `path`, or taken with `extra` paths kept."""

    reason: str | None = None
    path: str | None = None
    extra: tuple[str, ...] = ()


class RecordParser:
    """Turns batches of raw record texts into rows of a Load. One per load: it remembers structures and unknown codes."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.types = {name: duckdb.type(kind) for name, kind in load.dataset.columns.items()}
        self.spec = json.dumps({name: json_spec(kind) for name, kind in self.types.items()})
        self.verdicts: dict[str, Verdict] = {}
        self.position = 0
        # Bytes that were judged by other rules, or into other columns, have to be judged again.
        self.rules = digest(RULES, self.spec)
        register(load.con)
        load.con.execute(MACROS)
        load.con.execute("create temp table verdicts (structure varchar, _reason varchar, _path varchar)")

    def add(self, texts: list[bytes]) -> None:
        """Land, skip or quarantine every record of a batch."""
        if not texts:
            return
        con = self.load.con
        raw, broken = _decode(texts)
        first_position, self.position = self.position, self.position + len(texts)
        rows = pa.table({"_position": pa.array(range(first_position, first_position + len(texts)), pa.int64()), "raw": raw})
        # In slices, because DuckDB's threads share the work slice by slice.
        con.register("given", pa.Table.from_batches(rows.to_batches(max_chunksize=SLICE)))
        con.execute(
            f"create or replace temp table framed as select _position, hash(raw, '{self.rules}') as _raw_hash from given"
        )
        self.load.skip_unchanged("framed")
        if con.execute("select count(*) from framed").fetchall() != [(0,)]:
            # TRY: a record that is no JSON, or nests deeper than DuckDB's limit of 128, has no structure.
            con.execute(f"""
                create or replace temp table shaped as
                select _position, _raw_hash,
                       if(strlen(raw) > {MAX_RECORD_BYTES}, null, try(json_structure(raw)::varchar)) as structure
                from given join framed using (_position)
            """)
            glued = self._take_glued()
            self._write_batch({first_position + i: text for i, text in broken.items()}, self._judge_structures())
            self._count_codes()
            if glued:
                self.add(glued)
        con.unregister("given")

    def _take_glued(self) -> list[bytes]:
        """Take out of the batch the pieces that turn out to be several records, and return those records."""
        pieces = self.load.con.execute(f"""
            select _position, raw from given join shaped using (_position)
            where structure is null and strlen(raw) between 1 and {MAX_RECORD_BYTES}
        """).fetchall()
        split = {position: framing.split_glued(text.encode()) for position, text in pieces}
        several = {position: records for position, records in split.items() if len(records) > 1}
        self.load.con.execute("delete from shaped where list_contains(?, _position)", [list(several)])
        return [record for records in several.values() for record in records]

    def _judge_structures(self) -> str:
        """Judge structures not met before; return the SQL that collects unknown fields into `_extra`."""
        con = self.load.con
        counted = con.execute("select structure, count(*) from shaped where structure is not null group by all").fetchall()
        fresh = {s: self._judge(json.loads(s)) for s, _ in counted if s not in self.verdicts}
        self.verdicts |= fresh
        if fresh:
            judged = {
                "structure": list(fresh),
                "_reason": pa.array([v.reason for v in fresh.values()], pa.string()),
                "_path": pa.array([v.path for v in fresh.values()], pa.string()),
            }
            con.register("judged", pa.table(judged))
            con.execute("insert into verdicts select * from judged")
            con.unregister("judged")
        paths: Counter[str] = Counter()
        for structure, number in counted:
            paths.update(dict.fromkeys(self.verdicts[structure].extra, number))
        self.load.unknown_fields.update(paths)
        if not paths:
            return "null::varchar"
        pairs = ", ".join(
            f"'{quoted(p)}', nullif(json_extract(safe, '$.{quoted(p).replace('[]', '[*]')}')::varchar, '[]')::json"
            for p in sorted(paths)
        )
        return f"nullif(json_merge_patch('{{}}', json_object({pairs}))::varchar, '{{}}')"

    def _judge(self, structure: Any) -> Verdict:
        if not isinstance(structure, dict):
            return Verdict("schema_type", "$")
        for name in REQUIRED:
            if structure.get(name, "NULL") == "NULL":
                return Verdict("bid_missing" if name == "businessId" else "missing_required", name)
        extra: list[str] = []
        for name, found in structure.items():
            if name not in self.types:
                extra.append(name)
            elif wrong := compare(found, self.types[name], name, extra, REFUSED):
                return Verdict("schema_type", wrong)
        return Verdict(extra=tuple(extra))

    def _write_batch(self, broken: dict[int, str], extra: str) -> None:
        con = self.load.con
        con.register(
            "undecodable", pa.table({"_position": pa.array(broken, pa.int64()), "text": pa.array(broken.values(), pa.string())})
        )
        joined = "array_to_string(flatten([" + ", ".join(f"coalesce({sql}, [])" for _, sql in DATES) + "]), ',')"
        dates = "flatten([" + ", ".join(f"coalesce({sql}, [])" for _, sql in DATES) + "])"
        path = (
            "case "
            + " ".join(f"when len(list_filter({sql}, lambda d: bad_date(d))) > 0 then '{p}'" for p, sql in DATES)
            + " end"
        )
        columns = ", ".join(f'"{name}"' for name in self.types)
        unpacked = ", ".join(f'r."{name}" as "{name}"' for name in self.types if name != "addresses")
        payload = "struct_pack(" + ", ".join(f'"{name}" := "{name}"' for name in self.types) + ")"
        # One statement from raw text to judged row, so that no step copies the texts.
        con.execute(f"""
            create or replace temp table batch as
            with parsed as (
                select s._position, s._raw_hash, coalesce(u.text, g.raw) as raw, u.text is not null as is_broken,
                       s.structure is null as is_malformed, v._reason as judged_reason, v._path as judged_path,
                       if(s.structure is null, '{{}}', g.raw) as safe, from_json(safe, '{self.spec}') as r
                from shaped s
                join given g using (_position)
                left join verdicts v using (structure)
                left join undecodable u using (_position)
            ),
            unpacked as (
                select _position, _raw_hash, raw, is_broken, is_malformed, judged_reason, judged_path, safe, {unpacked},
                       -- Their order is arbitrary, and an order is no change.
                       list_transform(
                           r.addresses, lambda a: struct_update(a, postOffices := list_sort(a.postOffices))) as addresses,
                       json_keys(safe) as keys, {extra} as _extra,
                       coalesce(r.businessId."value",
                                nullif(regexp_extract(if(is_malformed, raw, ''), '{CLAIMED_ID}', 1), '')) as _claimed,
                       business_id_digits(_claimed) as digits
                from parsed
            ),
            checked as (
                select *, case
                    when is_broken then ['encoding', '$']
                    when strlen(raw) > {MAX_RECORD_BYTES} then ['json_limits', '$']
                    when is_malformed and json_valid(raw) then ['json_limits', '$']
                    when is_malformed then ['json_malformed', '$']
                    when judged_reason is not null then [judged_reason, judged_path]
                    when len(keys) > len(list_distinct(keys)) then ['json_strict', '$']
                    when coalesce(_claimed, '') = '' then ['bid_missing', 'businessId.value']
                    when digits is null then ['bid_shape', 'businessId.value']
                    when not business_id_checks(digits) then ['bid_checksum', 'businessId.value']
                    when contains(raw, '\\u0000') then ['control_char', '$']
                    when len(list_filter(names, lambda n: len(n.name) > {MAX_NAME})) > 0 then ['too_long', 'names[].name']
                    when suspicious_dates({joined}) and len(list_filter({dates}, lambda d: bad_date(d))) > 0
                        then ['date_invalid', {path}]
                    when try_cast(lastModified as timestamp) is null then ['date_invalid', 'lastModified']
                    end as refusal
                from unpacked
            )
            select {columns}, _position, _raw_hash, _extra, _claimed,
                   if(business_id_checks(digits), digits[1:7] || '-' || digits[8], null) as _key,
                   if(refusal is null, md5(to_json({payload})::varchar || coalesce(_extra, '')), null) as _record_hash,
                   refusal[1] as _reason, refusal[2] as _path, if(refusal is null, null, raw) as _original
            from checked
        """)
        con.unregister("undecodable")
        self.load.add("batch")

    def _count_codes(self) -> None:
        """Count landed codes that no code list knows; the record is kept, the receipt names field and code."""
        for field, (code_set, sql) in CODES.items():
            found = self.load.con.execute(
                f"select code, count(*) from (select unnest({sql}) as code from fresh) where code <> '' group by all"
            )
            known = known_codes()[code_set]
            self.load.unknown_codes.update({f"{field}={code}": n for code, n in found.fetchall() if code not in known})


def _decode(texts: list[bytes]) -> tuple[pa.Array, dict[int, str]]:
    """As UTF-8 text; where that fails, the record is emptied and its bytes are returned escaped, never with U+FFFD."""
    raw = pa.array(texts, pa.binary())
    try:
        return raw.cast(pa.string()), {}
    except pa.ArrowInvalid:
        decoded = [_utf8(text) for text in texts]
        broken = {i: texts[i].decode("utf-8", "backslashreplace") for i, text in enumerate(decoded) if text is None}
        return pa.array([text or "" for text in decoded], pa.string()), broken


def _utf8(text: bytes) -> str | None:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return None


@cache
def known_codes() -> dict[str, set[str]]:
    """The codes each code set knows, from the reference seeds."""
    codes = pl.read_csv(SEEDS / "register_codes.csv", infer_schema=False)
    known = {str(code_set[0]): set(rows["code"]) for code_set, rows in codes.group_by("code_set")}
    known["YRMU"] = set(pl.read_csv(SEEDS / "legal_forms.csv", infer_schema=False)["code"])
    known["TOIMI"] = {"TOIMI", "TOIMI2", "TOIMI3", "TOIMI4"}
    return known
