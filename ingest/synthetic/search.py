"""The search behind the registry server's /companies: a day's records in a DuckDB file, each kept as the text it was."""

import shutil
import threading
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from ingest.synthetic import reference

PAGE_SIZE = 100
_LETTERS = "AOY ASH ASY AY AYH ETS ETY SCE SCP HY KOY KVJ KVY KY OK OP OY OYJ SE SL SP SÄÄ TYH VOJ VOY VY VALTLL"
COMPANY_FORMS = frozenset(_LETTERS.split())
"""The letters PRH's OpenAPI file allows in companyForm."""

# Condition per query parameter. INFERRED: how exactly PRH compares names is not documented; here a part of a name, in any case.
CONDITIONS = {
    "name": "list_contains(list_transform(names, lambda n: contains(n, lower($name))), true)",
    "location": "list_contains(towns, lower($location))",
    "businessId": "business_id = $businessId",
    "companyForm": "form_letters = $companyForm",
    "mainBusinessLine": "(industry_code = $mainBusinessLine OR contains(industry_texts, lower($mainBusinessLine)))",
    "registrationDateStart": "registered_on >= $registrationDateStart::DATE",
    "registrationDateEnd": "registered_on <= $registrationDateEnd::DATE",
    "businessIdRegistrationStart": "id_given_on >= $businessIdRegistrationStart::DATE",
    "businessIdRegistrationEnd": "id_given_on <= $businessIdRegistrationEnd::DATE",
    "postCode": "list_contains(postcodes, $postCode)",
}

INDEX = """
CREATE TABLE company AS
SELECT
    record ->> '$.businessId.value' AS business_id,
    list_transform(record ->> '$.names[*].name', lambda n: lower(n)) AS names,
    list_transform(record ->> '$.addresses[*].postOffices[*].city', lambda n: lower(n)) AS towns,
    record ->> '$.addresses[*].postCode' AS postcodes,
    -- No join: the planner takes a file of unknown size for the smaller side and would hold all of it in memory.
    (SELECT map(list(code), list(letters)) FROM reference.legal_forms)[record ->> '$.companyForms[0].type'] AS form_letters,
    record ->> '$.mainBusinessLine.type' AS industry_code,
    lower(array_to_string(record ->> '$.mainBusinessLine.descriptions[*].description', ' ')) AS industry_texts,
    TRY_CAST(record ->> '$.registrationDate' AS DATE) AS registered_on,
    TRY_CAST(record ->> '$.businessId.registrationDate' AS DATE) AS id_given_on,
    record::VARCHAR AS record
FROM (
    SELECT json AS record FROM read_json_objects(?, format = 'array')
)
"""


class BadQuery(ValueError):
    """A parameter the service answers with 400; the message says which."""


@dataclass(frozen=True)
class Page:
    """One page of an answer: how many companies match in all, and the texts of at most 100 of them."""

    total: int
    records: list[str]

    def json(self) -> bytes:
        """The answer's body."""
        return f'{{"totalResults":{self.total},"companies":[{",".join(self.records)}]}}'.encode()


class SearchIndex:
    """Searches the zips of one day; indexed on first use, in a file under `folder`, never as objects in memory."""

    def __init__(self, zips: list[Path], folder: Path) -> None:
        self._zips = zips
        self._folder = folder
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def page(self, query: Mapping[str, str]) -> Page:
        """The page of companies that match every parameter. An absent or out-of-range page is page 1, as at PRH.

        Raises BadQuery on an unknown company form, a malformed date or page.
        """
        parameters = {name: query[name] for name in CONDITIONS if query.get(name)}
        for name, value in parameters.items():
            if name == "companyForm" and value not in COMPANY_FORMS:
                raise BadQuery(f"companyForm {value!r} is not a company form")
            if name.endswith(("Start", "End")):
                iso_date(name, value)
        wanted = query.get("page") or "1"
        if not wanted.lstrip("-").isdecimal():
            raise BadQuery(f"page {wanted!r} is not a number")
        where = " AND ".join(CONDITIONS[name] for name in parameters) or "true"
        cursor = self._connect().cursor()
        found = cursor.execute(f"SELECT count(*) FROM company WHERE {where}", parameters).fetchone()
        total = found[0] if found else 0
        page = int(wanted) if 1 <= int(wanted) <= -(-total // PAGE_SIZE) else 1
        rows = cursor.execute(
            f"SELECT record FROM company WHERE {where} ORDER BY rowid LIMIT {PAGE_SIZE} OFFSET {(page - 1) * PAGE_SIZE}",
            parameters,
        ).fetchall()
        return Page(total, [record for (record,) in rows])

    def close(self) -> None:
        """Let go of the index file."""
        with self._lock:
            if self._connection:
                self._connection.close()
                self._connection = None

    def _connect(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            if self._connection is None:
                self._connection = self._build()
            return self._connection

    def _build(self) -> duckdb.DuckDBPyConnection:
        self._folder.mkdir(parents=True, exist_ok=True)
        texts = []
        for path in self._zips:
            with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as member:
                texts.append(self._folder / f"{path.stem}.json")
                with texts[-1].open("wb") as file:
                    shutil.copyfileobj(member, file, 1 << 20)
        connection = duckdb.connect(self._folder / "index.duckdb", config={"memory_limit": "1GB"})
        reference.load(connection)
        connection.execute(INDEX, [[str(text) for text in texts]])
        for text in texts:
            text.unlink()
        return connection


def iso_date(name: str, value: str) -> None:
    """Raises BadQuery when `value` is no date as the services take it."""
    try:
        if len(value) != len("2026-01-01"):
            raise ValueError
        date.fromisoformat(value)
    except ValueError:
        raise BadQuery(f"{name} {value!r} is not a date yyyy-mm-dd") from None
