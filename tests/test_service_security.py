"""What people try against a service: each attempt is counted, and none may succeed."""

import contextlib
import io
import json
import logging
import re
import resource
import socket
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import httpx2
import pytest
from itsdangerous import TimestampSigner

from delivery import criteria
from delivery.picker import Picker
from delivery.service import edge, settings
from delivery.service.settings import Oidc, Settings
from ledger import access
from tests.service import GROUP, OVER, Service, cookie, copied, ordered, people, serve, until
from tests.test_access import routes
from tests.test_tabular import bomb, lying

SQL = [
    "'", "''", '"', ";", "--", "/*", "' OR '1'='1", "') OR ('1'='1", "'; DROP TABLE marketing_contacts; --",
    "' UNION SELECT 1 --", "01' AND 1=(SELECT count(*) FROM registry.organisations)--", "read_text('/etc/passwd')", "$1",
    "?", "{{7*7}}", "${7*7}",
    "%s%s%n", "{0}", "{index.table}", "\\", "\\'", "%27", "%00", "\x00", "\x1f", "\x7f", "\u202e", "\ufeff", "’", "＇",
    "0x27", "1e309",
    "-1", "NaN", "null", "None", "true", "[]", "{}", "=1+1", "@SUM(1)", "<script>alert(1)</script>", "<img src=x onerror=1>",
    "../../etc/passwd", "file:///etc/passwd", "\r\nSet-Cookie: a=b", "a" * 1000, "😀", "İ", "ß", "\ud800",
]  # fmt: skip
DEEP = {"field": "region", "in": ["01"]}
TRAVERSALS = [
    f"{way}{target}{end}"
    for way in (
        "../", "..%2f", "..%2F", "%2e%2e/", "%2e%2e%2f", "..%5c", "..\\", "..%252f", "%252e%252e%252f", "..%c0%af",
        "..%ef%bc%8f", "....//", "..;/", "/", "//", "%2f", "./", "..%00/", "%00../", "~/", "file:///", "..%0d%0a/",
    )
    for target in ("ledger.db", "etc/passwd", "../ledger.db", "../../ledger.db", "../../../../../../etc/passwd")
    for end in ("", "%00.csv")
]  # fmt: skip


def test_no_text_is_ever_sql(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every criterion and text field with every text: a refusal, or a text that changes nobody; and the SQL stays the same."""
    picker = service.app.state.house.shelf.renew().picker
    texts: set[str] = set()

    class Listening:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def execute(self, statement: str, *rest: Any) -> Any:
            texts.add(statement)
            return real.execute(statement, *rest)

    real = picker.db
    with service.as_("user") as user:
        everybody = user.post("/counts", json={"group": GROUP}).json()["result"]
        monkeypatch.setattr(picker, "db", Listening())
        monkeypatch.setattr(service.app.state.house.shelf.renew(), "db", Listening())
        for index in picker._indexes.values():
            monkeypatch.setattr(index, "db", Listening())
        asked, odd = 0, []
        for one, text in product(criteria.catalogue().values(), SQL):
            for condition in ({"in": [text]}, {"gte": text}, {"is": text}) if text == "'" else ({"in": [text]},):
                unit = {"unit": one.unit} if one.unit == "organisation" else {}
                wanted = GROUP | unit | {"criteria": {"field": one.code, **condition}}
                answer = _sent(user, "/counts", {"group": wanted})
                asked += 1
                if answer.status_code != 422:
                    odd.append((one.code, text, answer.status_code))
        for field, text in product(("field", "name", "include", "campaign", "facets", "by", "as_of"), SQL):
            body: dict[str, Any] = {"group": GROUP}
            body |= {
                "field": {"group": GROUP | {"criteria": {"field": text, "in": ["01"]}}},
                "name": {"group": GROUP | {"name": text}},
                "include": {"group": GROUP | {"include": [text]}},
                "campaign": {"group": GROUP | {"campaign": OVER | {"topic": text}}},
                "facets": {"facets": [text]}, "by": {"by": [text]}, "as_of": {"group": GROUP | {"as_of": text}},
            }[field]  # fmt: skip
            answer = _sent(user, "/counts", body)
            asked += 1
            is_text = field in ("name", "campaign") and answer.status_code == 200 and answer.json()["result"] == everybody
            if not is_text and answer.status_code not in (404, 422):
                odd.append((field, text, answer.status_code))
        for name, text in product(("criteria/{}/codes", "groups/{}", "orders/{}", "deliveries/{}"), SQL):
            with contextlib.suppress(httpx2.InvalidURL, UnicodeEncodeError):
                answer = user.get("/" + name.format(text.replace("/", "%2f")).replace("?", "%3f").replace("#", "%23"))
                asked += 1
                if answer.status_code not in (404, 405, 422) and not (
                    text == "\r\nSet-Cookie: a=b" and answer.status_code == 400
                ):
                    odd.append((name, text, answer.status_code))
        for text in SQL:
            with contextlib.suppress(UnicodeEncodeError):
                found = user.get("/criteria/region/codes", params={"q": text})
                asked += 1
                if found.status_code not in (200, 422):
                    odd.append(("q", text, found.status_code))
        assert user.post("/counts", json={"group": GROUP}).json()["result"] == everybody
    print(f"{asked} texts sent, {len(odd)} neither refused nor taken as a text; {len(texts)} statements of SQL")
    assert odd == []
    assert not [statement for statement in texts if any(text in statement for text in SQL if len(text) > 8)]


def _sent(client: httpx2.Client, path: str, body: Any) -> httpx2.Response:
    return client.post(path, content=json.dumps(body).encode(), headers={"Content-Type": "application/json"})


def test_a_tree_that_is_too_deep_or_too_wide_is_refused(service: Service) -> None:
    tree: Any = DEEP
    for _ in range(50):
        tree = {"not": tree}
    trees = [tree, {"all": [DEEP] * 5000}, {"any": [{"field": "region", "in": [str(n) for n in range(100_000)]}]}]
    with service.as_("user") as user:
        for one in trees:
            assert _sent(user, "/counts", {"group": GROUP | {"criteria": one}}).status_code == 422
        for raw in (b"[" * 500_000, b'{"group":' * 100_000, b'{"group": ' + b"9" * 500_000 + b"}", b"\xff\xfe", b"", b"NaN"):
            answer = user.post("/counts", content=raw, headers={"Content-Type": "application/json"})
            assert answer.status_code in (400, 422), raw[:20]


def raw(service: Service, request: bytes, seconds: float = 10) -> bytes:
    """What comes back for bytes as they are: no client makes them well."""
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as line:
        found = b""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            line.sendall(request)
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while part := line.recv(65536):
                found += part
    return found


def test_no_path_leads_out(service: Service) -> None:
    assert len(TRAVERSALS) >= 200
    with service.as_("admin") as admin:
        delivery = ordered(admin, "traversed by somebody")
    told = [f"/api/v1/deliveries/{delivery['delivery_id']}/files/", "/api/v1/deliveries/", "/api/v1/orders/", "/api/v1/groups/",
            "/api/v1/refreshes/", f"/api/v1/refreshes/{'0' * 16}/files/", "/api/v1/criteria/", "/static/", "/"]  # fmt: skip
    secrets_ = [b"SQLite format", b"root:x:", b"ledger_head"]
    key, asked, led = service.keys["admin"], 0, []
    host, port = service.url.removeprefix("http://").split(":")
    for before in told:
        with socket.create_connection((host, int(port)), timeout=20) as line:
            stream = line.makefile("rb")
            for payload in TRAVERSALS:
                address = (before + payload).encode()
                line.sendall(
                    b"GET " + address + b" HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key.encode() + b"\r\n\r\n"
                )
                status = int(stream.readline().split()[1])
                headers = [row for row in iter(stream.readline, b"\r\n") if row]
                length = int(next((row.split(b":")[1] for row in headers if row.lower().startswith(b"content-length")), b"0"))
                body = stream.read(length)
                asked += 1
                if (status < 400 and status not in (303, 307)) or any(one in body for one in secrets_):
                    led.append((address, status))
                assert status < 500
    print(f"{asked} paths ({len(TRAVERSALS)} payloads at {len(told)} places), {len(led)} led anywhere")
    assert [one for one in led if one[0] not in (b"/./",)] == []
    # The same in names of files that are uploaded: none lies where it says.
    with service.as_("user") as user:
        before_files = {path for path in service.home.parent.rglob("*") if "lake/" not in str(path)}
        for payload in TRAVERSALS[::7]:
            row = b"Y-tunnus;Nimi\n0112038-9;X\n"
            answer = user.put("/lists/polku", files={"file": (f"{payload}.csv", row)})
            assert answer.status_code in (200, 422)
        assert {path for path in service.home.parent.rglob("*") if "lake/" not in str(path)} == before_files
        assert [path.name for path in (service.home / "lists" / "acme").iterdir()] == ["polku.csv"]
        assert user.delete("/lists/polku").status_code == 204


CROSS = [
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"},
    {}, {"Origin": "http://localhost.evil.example"}, {"Origin": "http://["},
    {"Sec-Fetch-Site": "cross-site", "Origin": "{own}"}, {"Referer": "{own}/"},
]  # fmt: skip


def test_another_site_can_do_nothing_with_a_session(service: Service) -> None:
    asked, done, browser = 0, [], service.as_(None)
    cookies = [str(service.signed_in(who).headers["cookie"]) for who in ("admin", "officer")]
    for method, path, _ in routes(service.app):
        if method in edge.SAFE:
            continue
        for told in CROSS:
            headers = {name: value.replace("{own}", service.url) for name, value in told.items()}
            for session in cookies:
                headers["Cookie"] = session
                address = re.sub(r"\{\w+\}", "none", path)
                answer = browser.request(method, f"{service.url}{address}", headers=headers)
                asked += 1
                if answer.status_code != 403 or "another site" not in answer.text:
                    done.append((method, path, told, answer.status_code))
    print(f"{asked} unsafe requests of other sites with a valid session, {len(done)} not refused")
    assert done == []
    with service.signed_in("admin") as admin:
        assert admin.post("/counts", json={"group": GROUP}).status_code == 200, "our own page may"
        own = {"Origin": service.url, "Sec-Fetch-Site": ""}
        del admin.headers["sec-fetch-site"]
        assert admin.post("/counts", json={"group": GROUP}, headers={"Origin": own["Origin"]}).status_code == 200


def test_no_cookie_but_ours_is_a_session(service: Service) -> None:
    who = {"access_id": access.id_of(service.keys["admin"]), "since": int(time.time())}
    good = cookie(who)
    data, stamp, mark = good.rsplit(".", 2)
    other = cookie(who | {"access_id": access.id_of(service.keys["officer"])}).rsplit(".", 2)[0]
    old = TimestampSigner(settings.session_secret())
    old.get_timestamp = lambda: int(time.time()) - 9 * 3600  # type: ignore[method-assign]
    forged = [
        cookie(who, "0" * 64), f"{other}.{stamp}.{mark}", f"{data}.{stamp}.", f"{data}.{stamp}", f"{data}..{mark}", data, "",
        "null", f"{data}.{stamp}.{mark[:-2]}AA", good[:-1], f"{data}.AAAAAA.{mark}", "e30=", "a" * 4000, "..", "\x01",
        old.sign(data.encode()).decode(), cookie(who | {"since": int(time.time()) - 9 * 3600}), cookie({"access_id": "a" * 13}),
        cookie({"access_id": None}), cookie({}), cookie(who | {"access_id": access.id_of(service.keys["ended"])}),
        cookie(who | {"access_id": access.id_of(service.keys["expired"])}), cookie(who | {"since": 0}),
    ]  # fmt: skip
    in_, nobody = [], service.as_(None)
    for one in forged:
        with contextlib.suppress(httpx2.LocalProtocolError):
            answer = nobody.get("/keys", headers={"Cookie": f"kohde_session={one}"})
            if answer.status_code not in (400, 401):
                in_.append((one, answer.status_code))
    print(f"{len(forged)} cookies that are not ours or not any more, {len(in_)} let in")
    assert in_ == []
    assert nobody.get("/keys", headers={"Cookie": f"kohde_session={good}"}).status_code == 200


def test_signing_in_begins_a_session_of_its_own(service: Service) -> None:
    """A session that somebody planted is gone, and what a browser held before it signed in opens nothing afterwards."""
    from starlette.requests import Request

    house = service.app.state.house
    planted = {"access_id": access.id_of(service.keys["beta"]), "since": 1, "after": "/evil"}
    request = Request({"type": "http", "session": dict(planted), "client": ("127.0.0.1", 1), "headers": []})
    house.signing_in.with_key(request, service.keys["user"])
    assert request.session["access_id"] == access.id_of(service.keys["user"]) and set(request.session) == {
        "access_id",
        "since",
        "id",
    }
    left = dict(request.session)
    copy = {"Cookie": f"kohde_session={cookie(left)}"}
    nobody = service.as_(None)
    assert nobody.get("/groups", headers=copy).status_code == 200
    out = httpx2.post(f"{service.url}/sign-out", headers=copy | {"Sec-Fetch-Site": "same-origin"})
    assert out.status_code == 303 and "kohde_session=null" in out.headers["set-cookie"]
    assert nobody.get("/groups", headers=copy).status_code == 401, "a copy opens nothing either"
    from delivery.service.signing_in import local

    elsewhere = ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "",
                 "evil.example", "http:evil", "/\t/evil.example", "///evil.example", "/\n/evil.example"]  # fmt: skip
    assert [local(one) for one in elsewhere] == ["/"] * len(elsewhere)
    assert local("/orders?a=b") == "/orders?a=b"


@pytest.fixture
def limited(published_lake: Path, tmp_path: Path) -> Iterator[Service]:
    home = copied(published_lake, tmp_path / "lake")
    keys = people(home)
    told = Settings(requests_per_minute=60, failures_per_minute=10, upload_bytes=2_000_000)
    with serve(home, told) as running:
        running.keys = keys
        yield running


def test_guessing_ends_soon_and_shuts_nobody_out(limited: Service) -> None:
    with limited.as_("user") as user:
        assert user.get("/groups").status_code == 200
    right = limited.keys["user"]
    codes, guessing = [], limited.as_(None)
    for n in range(200):
        guess = f"{right[:-6]}{n:06}"
        codes.append(guessing.get("/groups", headers={"Authorization": f"Bearer {guess}"}).status_code)
    print(f"200 guesses: {codes.count(401)} looked up, {codes.count(429)} not even that, {codes.count(200)} right")
    assert codes.count(401) == 10 and codes.count(429) == 190
    with limited.as_("user") as user, limited.as_("admin") as admin:
        assert user.get("/groups").status_code == 200, "a program that worked goes on"
        assert admin.get("/groups").status_code == 429, "from that address nobody else begins"


def test_nobody_asks_too_often_or_too_much_at_once(limited: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    with limited.as_("user") as user, limited.as_("beta") as beta:
        codes = [user.get("/criteria").status_code for _ in range(70)]
        assert codes == [200] * 60 + [429] * 10
        assert beta.get("/criteria").status_code == 200, "another's limit is another's"
    limits = limited.app.state.house.limits
    assert [limits.enter("a", "upload", 2) for _ in range(3)] == [True, True, False]
    limits.leave("a", "upload")
    assert limits.enter("a", "upload", 2)
    assert not [name for name in limits._inside if name[0] != "a"], "who left is counted out"


def test_uploads_are_bounded(limited: Service) -> None:
    """By what comes, not by what the header says; for strangers before anything comes; without holding it in memory."""
    key = limited.keys["admin"]
    head = (
        "PUT /api/v1/lists/iso HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n"
    )
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lied = raw(limited, (head.format(key) + "Content-Length: 100\r\n\r\n").encode() + part + b"a" * 5_000_000)
    assert b" 200 " not in lied.split(b"\r\n")[0]
    said = raw(limited, (head.format(key) + "Content-Length: 900000000\r\n\r\n").encode())
    assert said.startswith(b"HTTP/1.1 413")
    for size in (b"-1", b"1e9", b"0x10", b"9" * 30, b"1, 2"):
        assert raw(limited, head.format(key).encode() + b"Content-Length: " + size + b"\r\n\r\n", 3)[9:12] in (b"400", b"413")
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    host, port = limited.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(
            (head.format(key) + "Transfer-Encoding: chunked\r\n\r\n").encode() + b"%x\r\n" % len(part) + part + b"\r\n"
        )
        sent = 0
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(3000):
                line.sendall(chunk)
                sent += len(chunk)
        with contextlib.suppress(ConnectionResetError):
            assert line.recv(100).startswith(b"HTTP/1.1 413")
    assert sent < 60_000_000
    stranger = raw(limited, head.replace("Authorization: Bearer {}\r\n", "").encode() + b"Content-Length: 1900000\r\n\r\n", 5)
    assert stranger[9:12] in (b"403", b"401"), "before the body"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"bodies that lie: 0 taken, {grown // 1024} MB more memory")
    assert grown < 100_000
    assert not list((limited.home / "lists").glob("acme/*")) and not list((limited.home / "uploads").glob("acme/*"))


def test_bombs_and_formulas_are_refused(service: Service, tmp_path: Path) -> None:
    for make in (bomb, lying):
        path = make(tmp_path / f"{make.__name__}.xlsx")
        with service.as_("user") as user:
            answer = user.put("/lists/pommi", files={"file": (path.name, path.read_bytes())})
            assert answer.status_code == 422 and str(service.home) not in answer.text
    formulas = b'Y-tunnus;Nimi\n0112038-9;"=HYPERLINK(""http://x"")"\n@SUM(1);-1\n'
    with service.as_("user") as user:
        job = user.post("/refreshes", files={"file": ("kaavat.csv", formulas)}).json()
        until(lambda: user.get(f"/refreshes/{job['job_id']}").json()["stage"] in ("done", "failed"))
        done = user.get(f"/refreshes/{job['job_id']}").json()
        assert done["stage"] == "done"
        name = next(name for name in done["files"] if name.endswith(".csv"))
        text = user.get(f"/refreshes/{job['job_id']}/files/{name}").content.decode("utf-8-sig")
        assert not re.search(r'(^|;)"?[=@+]', text, re.M)


def test_slow_people_hold_nobody_up(limited: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "BODY_SECONDS", 4)
    host, port = limited.url.removeprefix("http://").split(":")
    lines = []
    for n in range(120):
        line = socket.create_connection((host, int(port)), timeout=30)
        head = (
            f"POST /api/v1/counts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {limited.keys['user']}\r\n"
            "Content-Length: 100\r\n"
        )
        line.sendall((head if n % 2 else head + "Content-Type: application/json\r\n\r\n{").encode())
        lines.append(line)
    began = time.monotonic()
    with limited.as_("beta") as beta:
        assert beta.get("/criteria").status_code == 200
    assert time.monotonic() - began < 5
    answers = []
    for line in lines[::2]:
        with contextlib.suppress(TimeoutError):
            answers.append(line.recv(4096)[9:12])
    for line in lines:
        line.close()
    print(f"120 slow clients; of those with a body {answers.count(b'408')} timed out, {answers.count(b'429')} too many at once")
    assert set(answers) <= {b"408", b"429"} and answers.count(b"408") >= edge.AT_ONCE
    until(lambda: not limited.app.state.house.limits._inside, 20)


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "evil.example:80", "@localhost"]
)
def test_other_names_are_not_ours(service: Service, host: str) -> None:
    answer = raw(service, f"GET /api/v1/alive HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400") and b"evil" not in answer


def test_every_answer_has_its_headers(service: Service) -> None:
    with service.as_("user") as user:
        answers = [
            user.get("/criteria"), user.get("/keys"), user.get("/nothing"), user.patch("/groups"), user.delete("/groups/none"),
            user.post("/counts", json={}), user.post("/counts", content=b"x" * 2_000_000), user.get("/openapi.json"),
        ]  # fmt: skip
    with service.as_(None) as nobody:
        answers += [
            nobody.get("/groups"), nobody.get("/alive"), nobody.get(f"{service.url}/none"), nobody.post("/groups"),
            nobody.get("/alive", headers={"Host": "evil.example"}),
        ]  # fmt: skip
    assert {answer.status_code for answer in answers} >= {200, 400, 401, 403, 404, 405, 413, 422}
    ids = set()
    for answer in answers:
        assert {name: answer.headers.get(name) for name in edge.HEADERS} == edge.HEADERS, answer.request.url
        assert "server" not in answer.headers
        ids.add(answer.headers["x-request-id"])
        if answer.status_code >= 400 and answer.status_code != 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert len(ids) == len(answers)


def test_no_secret_is_written_anywhere(
    published_lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither keys, KOHDE_SECRET, the session's secret nor the provider's; nor what was in a fault of ours."""
    home = copied(published_lake, tmp_path / "lake")
    keys = people(home)
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    logging.getLogger().addHandler(handler)
    monkeypatch.setattr(logging.getLogger(), "level", logging.DEBUG)
    provider = Oidc("https://login.example", "kohde", "thesecretofprovider")
    personal = "aino.esimerkki@acme.example"

    def broken(*_: Any, **__: Any) -> Any:
        raise ValueError(f"could not parse {personal}")

    texts = [repr(provider), repr(Settings(oidc=provider))]
    try:
        with serve(home, Settings(oidc=provider)) as running:
            running.keys = keys
            with running.as_("admin") as admin, running.as_("officer") as officer, running.as_(None) as nobody:
                made = admin.post("/keys", json={"label": "uusi"}).json()["key"]
                texts += [admin.get("/keys").text, admin.get("/openapi.json").text, officer.get("/desk/trail").text]
                texts += [nobody.get("/groups", headers={"Authorization": f"Bearer {made}x"}).text]
                monkeypatch.setattr(Picker, "count", broken)
                faulty = admin.post("/counts", json={"group": GROUP})
                assert faulty.status_code == 500 and faulty.json()["request_id"] in told.getvalue()
                refused = admin.post("/counts", json={"group": GROUP | {personal: 1}})
                texts += [faulty.text]
                assert refused.status_code == 422
                monkeypatch.undo()
    finally:
        logging.getLogger().removeHandler(handler)
    out, err = capfd.readouterr()
    texts += [told.getvalue(), out, err]
    hidden = [*keys.values(), made, "5e" * 32, settings.session_secret(), provider.client_secret, personal]
    for text in texts:
        assert not [one for one in hidden if one in text]
    ledger = (home / "ledger.db").read_bytes()
    assert not [one for one in (*keys.values(), made) if one.encode() in ledger]
