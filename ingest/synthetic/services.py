"""What the registry server answers beside YTJ: public bodies (PTV open API v11) and registered notices (v3)."""

import gzip
import json
import threading
from collections.abc import Mapping
from datetime import date
from http import HTTPStatus
from pathlib import Path
from typing import Any

import duckdb

from ingest.synthetic import reference
from ingest.synthetic.faults import Answer, error_body
from ingest.synthetic.search import COMPANY_FORMS, BadQuery, iso_date

PTV_BASE = "/api/v11"
PTV_PAGE = 1000
PTV_MOST_IDS = 100
NOTICES_BASE = "/opendata-registerednotices-api/v3"
NOTICES_PAGE = 50

CONDITIONS = {
    "name": "list_contains(list_transform(names, lambda n: contains(n, lower($name))), true)",
    "businessId": "business_id = $businessId",
    "location": "list_contains(towns, lower($location))",
    "companyForm": "form_letters = $companyForm",
    "registrationDateStart": "registered_on >= $registrationDateStart::DATE",
    "registrationDateEnd": "registered_on <= $registrationDateEnd::DATE",
}
NOTICE_CONDITIONS = {
    "entryCode": "list_contains(n.entryCodes, $entryCode)",
    "noticeRegistrationDateStart": "n.registrationDate >= $noticeRegistrationDateStart::DATE",
    "noticeRegistrationDateEnd": "n.registrationDate <= $noticeRegistrationDateEnd::DATE",
    "noticeRegistrationType": "n.typeOfRegistration = $noticeRegistrationType",
}
"""Conditions on one and the same notice (INFERRED); a company that has one comes with all its notices."""


def json_answer(status: int, body: bytes) -> Answer:
    """An answer of JSON."""
    return Answer(status, {"Content-Type": "application/json", "Content-Length": str(len(body))}, body)


def text_answer(body: bytes) -> Answer:
    """An answer of plain text, as code lists are."""
    return Answer(HTTPStatus.OK, {"Content-Type": "text/plain;charset=UTF-8", "Content-Length": str(len(body))}, body)


class PtvService:
    """Answers under /api/v11 from the lines of the day; there are a few thousand organisations at most."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "ptv"
        self._days: dict[date, dict[str, str]] = {}
        self._lock = threading.Lock()

    def answer(self, day: date, path: str, query: Mapping[str, str]) -> Answer:
        """The honest answer; `path` is what follows the base."""
        organisations = self._organisations(day)
        parts = path.strip("/").split("/")
        match parts:
            case ["Organization"]:
                return self._page(organisations, query)
            case ["Organization", "list"]:
                ids = [guid for guid in query.get("guids", "").lower().split(",") if guid]
                if not ids or len(ids) > PTV_MOST_IDS:
                    return json_answer(HTTPStatus.BAD_REQUEST, b'{"guids":["Between 1 and 100 ids are allowed."]}')
                found = [organisations[guid] for guid in ids if guid in organisations]
                return json_answer(HTTPStatus.OK, f"[{','.join(found)}]".encode())
            case ["Organization", "businesscode", code]:
                found = [text for text in organisations.values() if f'"businessCode":"{code}"' in text]
                return json_answer(HTTPStatus.OK, f"[{','.join(found)}]".encode())
            case ["Organization", guid] if guid.lower() in organisations:
                return json_answer(HTTPStatus.OK, organisations[guid.lower()].encode())
        return json_answer(HTTPStatus.NOT_FOUND, b'{"message":"Not found"}')

    def _page(self, organisations: dict[str, str], query: Mapping[str, str]) -> Answer:
        wanted = query.get("page") or "1"
        if not wanted.isdecimal():
            return json_answer(HTTPStatus.BAD_REQUEST, b'{"page":["The value is not valid."]}')
        page = int(wanted)
        items: list[dict[str, Any]] = []
        for text in organisations.values():
            record = json.loads(text)
            if query.get("date", "") <= record["modified"] and record["modified"] < (query.get("dateBefore") or "9999"):
                items.append({"id": record["id"], "name": record["organizationNames"][0]["value"]})
        body = {
            "pageNumber": page,
            "pageSize": PTV_PAGE,
            "pageCount": -(-len(items) // PTV_PAGE),
            "itemList": items[(page - 1) * PTV_PAGE : page * PTV_PAGE] if page else [],
        }
        return json_answer(HTTPStatus.OK, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())

    def _organisations(self, day: date) -> dict[str, str]:
        with self._lock:
            if day not in self._days:
                path = self.folder / day.isoformat() / "organizations.jsonl"
                lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
                self._days[day] = {json.loads(line)["id"]: line for line in lines}
            return self._days[day]


class NoticeService:
    """Answers under /opendata-registerednotices-api/v3: the days' companies laid over each other, indexed on first use."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder = folder / "prh_notices"
        self.scratch = scratch
        self._days: dict[date, duckdb.DuckDBPyConnection] = {}
        self._answers: dict[tuple[date | str, ...], list[int]] = {}
        self._lock = threading.Lock()

    def answer(self, day: date, path: str, query: Mapping[str, str]) -> Answer:
        """The honest answer; `path` is what follows the base."""
        parts = path.strip("/").split("/")
        try:
            match parts:
                case [""]:
                    return self._search(day, query)
                case ["description"]:
                    return self._description(query)
                case ["publicnotices", year, number]:
                    return self._notice(day, f"{year}/{number}")
                case [business_id]:
                    return self._search(day, {"businessId": business_id})
        except BadQuery as bad:
            return json_answer(HTTPStatus.BAD_REQUEST, error_body(400, str(bad).replace('"', "'")))
        return json_answer(HTTPStatus.NOT_FOUND, error_body(404, "Not found"))

    def close(self) -> None:
        """Let go of the index files."""
        for connection in self._days.values():
            connection.close()

    def _search(self, day: date, query: Mapping[str, str]) -> Answer:
        known = CONDITIONS | NOTICE_CONDITIONS
        parameters = {name: query[name] for name in known if query.get(name)}
        for name, value in parameters.items():
            if name == "companyForm" and value not in COMPANY_FORMS:
                raise BadQuery(f"companyForm {value!r} is not a company form")
            if name.endswith(("Start", "End")):
                iso_date(name, value)
        wanted = query.get("page") or "1"
        if not wanted.lstrip("-").isdecimal():
            raise BadQuery(f"page {wanted!r} is not a number")
        conditions = [CONDITIONS[name] for name in parameters if name in CONDITIONS]
        of_notice = [NOTICE_CONDITIONS[name] for name in parameters if name in NOTICE_CONDITIONS]
        if of_notice:
            test = " AND ".join(of_notice)
            conditions.append(f"len(list_filter(notices, lambda n: {test})) > 0")
        places = self._found(day, " AND ".join(conditions) or "true", parameters)
        total = len(places)
        page = int(wanted) if 1 <= int(wanted) <= -(-total // NOTICES_PAGE) else 1
        rows = (
            self._index(day)
            .cursor()
            .execute(
                "SELECT record FROM company WHERE place IN (SELECT unnest(?::BIGINT[])) ORDER BY place",
                [places[(page - 1) * NOTICES_PAGE : page * NOTICES_PAGE]],
            )
            .fetchall()
        )
        body = f'{{"totalResults":{total},"companies":[{",".join(record for (record,) in rows)}]}}'
        return json_answer(HTTPStatus.OK, body.encode())

    def _found(self, day: date, where: str, parameters: Mapping[str, str]) -> list[int]:
        """The places of what a query finds, remembered: of a million companies, pages by the hundred are asked for."""
        key: tuple[date | str, ...] = (day, where, *parameters.values())
        if key not in self._answers:
            if len(self._answers) >= 8:
                self._answers.clear()
            rows = self._index(day).cursor().execute(f"SELECT place FROM company WHERE {where} ORDER BY place", parameters)
            self._answers[key] = [place for (place,) in rows.fetchall()]
        return self._answers[key]

    def _notice(self, day: date, record_number: str) -> Answer:
        rows = (
            self._index(day)
            .cursor()
            .execute(
                "SELECT record FROM company WHERE len(list_filter(notices, lambda n: n.recordNumber = ?)) > 0", [record_number]
            )
            .fetchall()
        )
        if not rows:
            return json_answer(HTTPStatus.NOT_FOUND, error_body(404, "Not found"))
        record = json.loads(rows[0][0])
        notice = next(n for n in record["publicNotices"] if n["recordNumber"] == record_number)
        # INFERRED: nobody has shown this answer.
        body = {"businessId": record["businessId"]["value"], **notice}
        return json_answer(HTTPStatus.OK, json.dumps(body).encode())

    def _description(self, query: Mapping[str, str]) -> Answer:
        code, language = query.get("code", ""), query.get("lang", "")
        # READ: in capitals, unlike YTJ's.
        if language not in ("FI", "SV", "EN"):
            raise BadQuery("lang must be FI, SV or EN")
        path = self.folder / "description" / f"{code}.{language}.txt"
        return text_answer(path.read_bytes() if path in set(path.parent.glob("*.txt")) else b"")

    def _index(self, day: date) -> duckdb.DuckDBPyConnection:
        with self._lock:
            if day not in self._days:
                self._days[day] = self._build(day)
            return self._days[day]

    def _build(self, day: date) -> duckdb.DuckDBPyConnection:
        self.scratch.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(self.scratch / f"notices-{day}.duckdb", config={"memory_limit": "1GB"})
        reference.load(connection)
        connection.execute(NOTICE_TABLE)
        days = sorted(path.parent for path in self.folder.glob("*/companies.jsonl.gz"))
        for position, folder in enumerate(one for one in days if one.name <= day.isoformat()):
            plain = self.scratch / f"{folder.name}.jsonl"
            with gzip.open(folder / "companies.jsonl.gz") as packed, plain.open("wb") as file:
                while piece := packed.read(1 << 20):
                    file.write(piece)
            connection.execute("CREATE OR REPLACE TABLE arriving AS " + NOTICE_COLUMNS, [position, str(plain)])
            connection.execute("DELETE FROM company WHERE business_id IN (SELECT business_id FROM arriving)")
            connection.execute("INSERT INTO company FROM arriving")
            connection.execute("DROP TABLE arriving")
            plain.unlink()
        return connection


NOTICE_TABLE = """
CREATE TABLE company (
    place BIGINT, business_id VARCHAR, names VARCHAR[], towns VARCHAR[], form_letters VARCHAR, registered_on DATE,
    notices STRUCT(registrationDate DATE, recordNumber VARCHAR, typeOfRegistration VARCHAR, entryCodes VARCHAR[])[],
    record VARCHAR
)
"""
NOTICE_COLUMNS = """
SELECT
    $1::BIGINT * 100000000 + row_number() OVER () AS place,
    record ->> '$.businessId.value' AS business_id,
    list_transform(record ->> '$.names[*].name', lambda n: lower(n)) AS names,
    list_transform(record ->> '$.addresses[*].postOffices[*].city', lambda n: lower(n)) AS towns,
    (SELECT map(list(code), list(letters)) FROM reference.legal_forms)[record ->> '$.companyForms[0].type'] AS form_letters,
    TRY_CAST(record ->> '$.registrationDate' AS DATE) AS registered_on,
    from_json(record -> '$.publicNotices', '[{"registrationDate": "DATE", "recordNumber": "VARCHAR",
        "typeOfRegistration": "VARCHAR", "entryCodes": ["VARCHAR"]}]') AS notices,
    record::VARCHAR AS record
FROM (SELECT json AS record FROM read_json_objects($2, format = 'newline_delimited'))
"""
