"""The registry server: it answers as PRH does, and each fault does on the wire what its name says."""

import io
import json
import socket
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from ingest.synthetic import generate
from ingest.synthetic.faults import FAULTS
from ingest.synthetic.server import RegistryServer

COMPANIES = 400
DAYS = [date(2026, 1, 2), date(2026, 1, 3)]
POSTCODE = "00440"


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    generate(COMPANIES, 11, 2, folder, change_share=0.1)
    return folder


@pytest.fixture(scope="module")
def running(generated: Path) -> Iterator[RegistryServer]:
    with RegistryServer(generated, DAYS[0]) as server:
        yield server


@pytest.fixture
def server(running: RegistryServer) -> RegistryServer:
    running.faults.clear()
    running.requests.clear()
    running.day = DAYS[0]
    return running


@pytest.fixture
def client(server: RegistryServer) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, timeout=10) as client:
        yield client


def bulk(generated: Path, day: date = DAYS[0], file: str = "all_companies.zip") -> bytes:
    return (generated / "ytj" / day.isoformat() / file).read_bytes()


def records(content: bytes) -> list[dict[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return json.loads(archive.read(archive.namelist()[0]))


def raw(server: RegistryServer, path: str = "/all_companies", seconds: float = 5) -> tuple[bytes, bytes, str]:
    """Ask over a bare socket: the head, what follows it, and how it ended (closed, reset, timeout)."""
    parts = urlsplit(server.url)
    got, end = b"", "closed"
    with socket.create_connection((parts.hostname, parts.port), timeout=seconds) as connection:
        connection.sendall(f"GET {parts.path}{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline and (data := connection.recv(1 << 20)):
                got += data
            end = "closed" if time.monotonic() < deadline else "timeout"
        except TimeoutError:
            end = "timeout"
        except ConnectionResetError:
            end = "reset"
    head, _, body = got.partition(b"\r\n\r\n")
    return head.lower(), body, end


def length(head: bytes) -> int | None:
    found = [line for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
    return int(found[0].split(b":")[1]) if found else None


# As PRH answers


def test_bulk_is_the_days_zip_with_validators(client: httpx2.Client, server: RegistryServer, generated: Path) -> None:
    answer = client.get("/all_companies")
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/zip"
    assert answer.content == bulk(generated)
    again = client.get("/all_companies", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    since = client.get("/all_companies", headers={"If-Modified-Since": answer.headers["last-modified"]})
    assert since.status_code == 304
    server.day = DAYS[1]
    changed = client.get("/all_companies", headers={"If-None-Match": answer.headers["etag"]})
    assert changed.status_code == 200 and changed.content == bulk(generated, DAYS[1])


def test_search_pages_through_everything_including_the_ceased(client: httpx2.Client, generated: Path) -> None:
    expected = records(bulk(generated)) + records(bulk(generated, file="search_only.zip"))
    first = client.get("/companies").json()
    assert first["totalResults"] == len(expected) == COMPANIES * 1.05 and len(first["companies"]) == 100
    pages = [client.get("/companies", params={"page": page}).json()["companies"] for page in range(1, 6)]
    found = [company for page in pages for company in page]
    assert {c["businessId"]["value"]: c for c in found} == {c["businessId"]["value"]: c for c in expected}
    assert [len(page) for page in pages] == [100, 100, 100, 100, 20]


@pytest.mark.parametrize("page", ["0", "-3", "6", "999"])
def test_a_page_out_of_range_is_page_one(client: httpx2.Client, page: str) -> None:
    assert client.get("/companies", params={"page": page}).content == client.get("/companies").content


@pytest.mark.parametrize(
    ("parameter", "value", "holds"),
    [
        ("companyForm", "KY", lambda c: c["companyForms"][0]["type"] == "13"),
        ("location", "Helsinki", lambda c: any(o["city"] == "HELSINKI" for a in c["addresses"] for o in a["postOffices"])),
        ("name", "rakennus", lambda c: any("rakennus" in n["name"].lower() for n in c["names"])),
        ("mainBusinessLine", "68202", lambda c: (c.get("mainBusinessLine") or {}).get("type") == "68202"),
        ("postCode", POSTCODE, lambda c: any(a.get("postCode") == POSTCODE for a in c["addresses"])),
        ("registrationDateStart", "2025-06-01", lambda c: (c.get("registrationDate") or "") >= "2025-06-01"),
        ("registrationDateEnd", "1990-01-01", lambda c: (c.get("registrationDate") or "9") <= "1990-01-01"),
        ("businessIdRegistrationStart", "2025-06-01", lambda c: c["businessId"]["registrationDate"] >= "2025-06-01"),
        ("businessIdRegistrationEnd", "1990-01-01", lambda c: c["businessId"]["registrationDate"] <= "1990-01-01"),
    ],
)
def test_search_parameters(client: httpx2.Client, generated: Path, parameter: str, value: str, holds: Any) -> None:
    everything = records(bulk(generated)) + records(bulk(generated, file="search_only.zip"))
    expected = {c["businessId"]["value"] for c in everything if holds(c)}
    answer = client.get("/companies", params={parameter: value}).json()
    assert answer["totalResults"] == len(expected) > 0
    assert {c["businessId"]["value"] for c in answer["companies"]} <= expected
    assert len(answer["companies"]) == min(100, len(expected))


def test_one_company_nobody_and_nonsense(client: httpx2.Client, generated: Path) -> None:
    one = records(bulk(generated))[5]
    answer = client.get("/companies", params={"businessId": one["businessId"]["value"]}).json()
    assert answer == {"totalResults": 1, "companies": [one]}
    nobody = client.get("/companies", params={"businessId": "0000000-0"})
    assert (nobody.status_code, nobody.content) == (200, b'{"totalResults":0,"companies":[]}')
    for nonsense in ({"companyForm": "GMBH"}, {"registrationDateStart": "1.1.2025"}, {"page": "x"}):
        bad = client.get("/companies", params=nonsense)
        assert bad.status_code == 400 and bad.json().keys() == {"timestamp", "message", "errorcode"}


def test_code_lists(client: httpx2.Client) -> None:
    forms = client.get("/description", params={"code": "YRMU", "lang": "fi"})
    assert forms.headers["content-type"].startswith("text/plain") and "16\tOsakeyhtiö\n" in forms.text
    for value in ("62010", "OYJ", "../post_codes", ""):
        empty = client.get("/description", params={"code": value, "lang": "fi"})
        assert (empty.status_code, empty.content) == (200, b"")
    codes = client.get("/post_codes", params={"lang": "sv"}).json()
    assert {"postCode": "00100", "city": "HELSINGFORS", "active": True, "languageCode": "2", "municipalityCode": "091"} in codes
    assert client.get("/post_codes", params={"lang": "xx"}).status_code == 400
    assert client.get("/nothing").status_code == 404


def test_days_switch_from_python_and_over_http(client: httpx2.Client, server: RegistryServer, generated: Path) -> None:
    before = {c["businessId"]["value"] for c in client.get("/companies", params={"page": 5}).json()["companies"]}
    control = server.url.replace("/opendata-ytj-api/v3", "/_control")
    assert httpx2.post(f"{control}/day", json={"day": "2026-01-03"}).json() == {"day": "2026-01-03"}
    assert server.day == DAYS[1] and client.get("/all_companies").content == bulk(generated, DAYS[1])
    after = {c["businessId"]["value"] for c in client.get("/companies", params={"page": 5}).json()["companies"]}
    assert before != after
    assert httpx2.post(f"{control}/day", json={"day": "2030-01-01"}).status_code == 400
    with pytest.raises(ValueError, match="no day"):
        server.day = date(2030, 1, 1)


def test_rate_limit(generated: Path) -> None:
    with RegistryServer(generated, rate_limit_per_minute=3) as server:
        assert server.day == DAYS[1]
        answers = [httpx2.get(f"{server.url}/description?code=REK&lang=fi") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].headers["content-type"].startswith("text/plain") and 1 <= int(answers[3].headers["retry-after"]) <= 61


def test_requests_are_recorded(client: httpx2.Client, server: RegistryServer) -> None:
    client.get("/companies", params={"name": "oy", "page": "2"}, headers={"User-Agent": "kohde-test"})
    client.get("/companies", params={"name": "oy", "page": "3"})
    first, second = server.requests
    assert (first.method, first.path, first.query) == ("GET", "/companies", {"name": "oy", "page": "2"})
    assert {k.lower(): v for k, v in first.headers.items()}["user-agent"] == "kohde-test"
    assert first.at < second.at and first.client_port == second.client_port


# Misbehaviour


def test_rules_count_wait_and_match(client: httpx2.Client, server: RegistryServer) -> None:
    server.faults.add("/companies", "503", times=2, after=2)
    server.faults.parse("/post_codes=500*1")
    assert client.get("/description", params={"code": "REK", "lang": "fi"}).status_code == 200
    assert [client.get("/companies").status_code for _ in range(5)] == [200, 200, 503, 503, 200]
    assert [client.get("/post_codes", params={"lang": "fi"}).status_code for _ in range(2)] == [500, 200]
    server.faults.add("*", "500", times=None)
    assert [client.get("/companies").status_code for _ in range(3)] == [500] * 3
    with pytest.raises(ValueError, match="no fault"):
        server.faults.add("/companies", "fire")
    with pytest.raises(ValueError, match="PATH=FAULT"):
        server.faults.parse("/companies 503")


def test_faults_over_http(client: httpx2.Client, server: RegistryServer) -> None:
    control = server.url.replace("/opendata-ytj-api/v3", "/_control")
    rule = {"path": "/companies", "fault": "429", "times": 1, "options": {"retry_after": "86400"}}
    assert httpx2.post(f"{control}/faults", json=rule).status_code == 200
    assert client.get("/companies").headers["retry-after"] == "86400"
    assert httpx2.post(f"{control}/faults", json={"path": "/companies", "fault": "fire"}).status_code == 400
    assert httpx2.post(f"{control}/faults", json={"nonsense": 1}).status_code == 400
    httpx2.post(f"{control}/faults", json=rule)
    assert httpx2.request("DELETE", f"{control}/faults").status_code == 200
    assert client.get("/companies").status_code == 200
    assert [r["path"] for r in httpx2.get(f"{control}/requests").json()] == ["/companies", "/companies"]


@pytest.mark.parametrize("retry_after", ["3", "-5", "86400", "soon"])
def test_429_with_retry_after(client: httpx2.Client, server: RegistryServer, retry_after: str) -> None:
    server.faults.add("/companies", "429", retry_after=retry_after)
    answer = client.get("/companies")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, retry_after)
    assert answer.headers["content-type"].startswith("text/plain")


def test_429_with_a_date_and_without_any(client: httpx2.Client, server: RegistryServer) -> None:
    server.faults.add("/companies", "429", retry_after="date+30")
    server.faults.add("/companies", "429", retry_after=None)
    moment = parsedate_to_datetime(client.get("/companies").headers["retry-after"])
    assert 25 <= (moment - datetime.now(UTC)).total_seconds() <= 31
    assert "retry-after" not in client.get("/companies").headers


def test_500_and_503_are_json_errors(client: httpx2.Client, server: RegistryServer) -> None:
    server.faults.add("/companies", "500")
    server.faults.add("/companies", "503", retry_after="2")
    server.faults.add("/companies", "status", status=404)
    answers = [client.get("/companies") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 503, 404]
    assert [answer.json()["errorcode"] for answer in answers] == [500, 503, 404]
    assert answers[1].headers["retry-after"] == "2"


def test_cut_bodies(server: RegistryServer, generated: Path) -> None:
    whole = bulk(generated)
    server.faults.add("/all_companies", "cut", share=0.25)
    head, body, end = raw(server)
    assert (length(head), body, end) == (len(whole), whole[: len(whole) // 4], "closed")
    server.faults.add("/all_companies", "cut-no-length")
    head, body, end = raw(server)
    assert (length(head), body, end) == (None, whole[: len(whole) // 2], "closed")
    assert b"transfer-encoding" not in head
    server.faults.add("/all_companies", "cut-chunked")
    head, body, end = raw(server)
    assert b"transfer-encoding: chunked" in head and length(head) is None
    assert whole[: len(whole) // 2] in body and not body.endswith(b"0\r\n\r\n") and end == "closed"
    with pytest.raises(httpx2.RemoteProtocolError):
        server.faults.add("/all_companies", "cut-chunked")
        httpx2.get(server.url + "/all_companies")


def test_half_with_a_length_that_agrees(client: httpx2.Client, server: RegistryServer, generated: Path) -> None:
    server.faults.add("/all_companies", "half")
    answer = client.get("/all_companies")
    assert answer.status_code == 200 and answer.content == bulk(generated)[: len(bulk(generated)) // 2]
    with pytest.raises(zipfile.BadZipFile):
        records(answer.content)
    server.faults.add("/companies", "half")
    page = client.get("/companies")
    assert page.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        page.json()


def test_gzip_cut_looks_like_a_whole_answer(client: httpx2.Client, server: RegistryServer) -> None:
    whole = client.get("/companies").content
    server.faults.add("/companies", "gzip-cut")
    answer = client.get("/companies")
    assert answer.headers["content-encoding"] == "gzip" and answer.status_code == 200
    assert whole.startswith(answer.content) and 0 < len(answer.content) < len(whole)


def test_short_length(client: httpx2.Client, server: RegistryServer, generated: Path) -> None:
    server.faults.add("/all_companies", "short-length", times=2)
    head, body, _ = raw(server)
    assert length(head) == len(bulk(generated)) // 2 and body == bulk(generated)
    assert client.get("/all_companies").content == bulk(generated)[: len(bulk(generated)) // 2]


def test_answers_that_are_no_answers(client: httpx2.Client, server: RegistryServer, generated: Path) -> None:
    server.faults.add("/all_companies", "html")
    server.faults.add("/all_companies", "html", content_type="application/zip")
    for content_type in ("text/html; charset=utf-8", "application/zip"):
        answer = client.get("/all_companies")
        assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)
        assert b"Huoltokatko" in answer.content
    server.faults.add("/all_companies", "empty")
    answer = client.get("/all_companies")
    assert (answer.status_code, answer.content) == (200, b"")
    server.faults.add("/all_companies", "204")
    assert client.get("/all_companies").status_code == 204
    server.faults.add("/all_companies", "304")
    assert client.get("/all_companies").status_code == 304
    server.faults.add("/all_companies", "206")
    answer = client.get("/all_companies")
    half, whole = len(bulk(generated)) // 2, len(bulk(generated))
    assert answer.status_code == 206 and len(answer.content) == half
    assert answer.headers["content-range"] == f"bytes 0-{half - 1}/{whole}"


def test_slow_takes_its_time_and_is_right(client: httpx2.Client, server: RegistryServer, generated: Path) -> None:
    whole = bulk(generated)
    server.faults.add("/all_companies", "slow", bytes=len(whole) // 4, seconds=0.1)
    began = time.monotonic()
    assert client.get("/all_companies").content == whole
    assert 0.4 <= time.monotonic() - began < 5


def test_slow_loris_and_endless_never_end(server: RegistryServer) -> None:
    server.faults.add("/all_companies", "slow-loris", seconds=0.05)
    head, body, end = raw(server, seconds=1)
    assert b" 200 " in head and 5 <= len(body) <= 30 and end == "timeout"
    server.faults.add("/all_companies", "endless")
    _, body, end = raw(server, seconds=1)
    assert len(body) > 5_000_000 and end == "timeout"


def test_redirects(client: httpx2.Client, server: RegistryServer) -> None:
    server.faults.add("/companies", "redirect")
    answer = client.get("/companies", params={"page": "2"}, follow_redirects=False)
    assert answer.status_code == 302
    assert answer.headers["location"] == "http://registry.invalid/opendata-ytj-api/v3/companies?page=2"
    server.faults.add("/companies", "redirect", location="http://127.0.0.1:9/x")
    assert client.get("/companies").headers["location"] == "http://127.0.0.1:9/x"
    server.faults.add("/companies", "redirect-loop", times=None)
    with pytest.raises(httpx2.TooManyRedirects):
        client.get("/companies", follow_redirects=True)


def test_reset_after_the_headers(server: RegistryServer) -> None:
    server.faults.add("/all_companies", "reset")
    head, body, end = raw(server)
    assert (body, end) == (b"", "reset") and (head == b"" or b" 200 " in head)


def test_paging_that_moves(client: httpx2.Client, server: RegistryServer) -> None:
    first, second = (client.get("/companies", params={"page": page}).json() for page in (1, 2))
    server.faults.add("/companies", "same-page")
    assert client.get("/companies", params={"page": 2}).json() == first != second
    server.faults.add("/companies", "moving-total", by=7)
    moved = client.get("/companies", params={"page": 2}).json()
    assert moved == second | {"totalResults": second["totalResults"] + 7}


def test_every_fault_is_tried_here() -> None:
    """A fault added without a test of what it does on the wire fails here."""
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in FAULTS if f'"{name}"' not in source] == []


def test_a_stopped_server_lets_go_of_slow_clients(generated: Path) -> None:
    server = RegistryServer(generated).start()
    server.faults.add("*", "slow-loris", seconds=60)
    with httpx2.stream("GET", server.url + "/all_companies", timeout=5) as answer:
        assert answer.status_code == 200
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 3
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(server.url + "/all_companies")


def test_a_folder_without_days_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no generated days"):
        RegistryServer(tmp_path)
