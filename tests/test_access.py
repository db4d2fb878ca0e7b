"""Who may do what: every route by every identity, as roles.csv says; and not a byte of what is another recipient's."""

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from delivery.service import roles
from ledger import access
from tests.service import GROUP, Service, order, ordered, until

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "api.md"
BEGIN, END = "<!-- matrix: written by tests/test_access.py -->", "<!-- end of matrix -->"
OPEN = (
    "/",
    "/api/v1/openapi.json",
    "/api/v1/alive",
    "/sign-in",
    "/sign-in/provider",
    "/sign-in/return",
    "/sign-out",
)
ASSETS = ("/static/", "/favicon")
NOBODY = ("nobody", "wrong key", "ended", "expired", "no bearer", "empty header", "session of an ended key", "forged session")
IDENTITIES = (*NOBODY, *access.ROLES, "beta", *(f"session of {role}" for role in access.ROLES))


def routes(app: FastAPI) -> Iterator[tuple[str, str, str | None]]:
    """Method, path and capability of everything that can be asked."""
    for route in iter_route_contexts(app.routes):
        found = [one.call.capability for one in _dependencies(route) if hasattr(one.call, "capability")]
        for method in sorted((route.methods or set()) - {"HEAD"}):
            assert route.path and len(found) <= 1
            yield method, route.path, found[0] if found else None


def _dependencies(route: Any) -> list[Any]:
    dependant = getattr(route, "dependant", None)
    return list(dependant.dependencies) if dependant else []


def client(service: Service, who: str) -> httpx2.Client:
    if who in access.ROLES or who in ("ended", "expired", "beta"):
        return service.as_(who)
    if who == "session of an ended key":
        return service.signed_in("ended")
    if who.startswith("session of "):
        return service.signed_in(who.removeprefix("session of "))
    key = service.keys["admin"]
    told = {
        "nobody": {}, "wrong key": {"Authorization": f"Bearer {key[:-1]}{'A' if key[-1] != 'A' else 'B'}"},
        "no bearer": {"Authorization": f"Basic {key}"},
        "empty header": {"Authorization": "", "Cookie": str(service.signed_in("admin").headers["cookie"])},
        "forged session": {"Cookie": f"kohde_session={_forged()}", "Sec-Fetch-Site": "same-origin"},
    }[who]  # fmt: skip
    return httpx2.Client(headers=told, timeout=60)


def _forged() -> str:
    from tests.service import cookie

    return cookie({"access_id": "a0123456789ab", "since": 9_999_999_999}, secret="0" * 64)


def test_every_route_has_a_capability(service: Service) -> None:
    bare = [f"{method} {path}" for method, path, capability in routes(service.app) if capability is None]
    assert [one for one in bare if not _is_open(one.split()[1])] == []
    used = {capability for *_, capability in routes(service.app) if capability}
    assert used == roles.capabilities().keys()


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(ASSETS)


def test_every_identity_at_every_route(service: Service) -> None:
    """No body is sent: who is let in is told that it is missing (422) or that there is no such thing (404)."""
    wrong, asked = [], 0
    for who in IDENTITIES:
        with client(service, who) as asking:
            for method, path, capability in routes(service.app):
                if capability is None:
                    continue
                address = re.sub(r"\{\w+\}", "none", path)
                answer = asking.request(method, f"{service.url}{address}", follow_redirects=False)
                asked += 1
                role = "admin" if who == "beta" else who.removeprefix("session of ")
                if who in NOBODY:
                    # A browser that asks for a page is led to where one signs in; the API says 401. Neither shows anything.
                    is_right = answer.status_code in (401, 403) or (not path.startswith("/api/") and answer.status_code == 303)
                elif role in roles.capabilities()[capability].roles:
                    is_right = answer.status_code not in (401, 403, 500, 503)
                else:
                    is_right = answer.status_code == 403
                if not is_right:
                    wrong.append((who, method, path, answer.status_code))
    print(f"{asked} requests of {len(IDENTITIES)} identities, {len(wrong)} not as roles.csv says")
    assert wrong == []


def test_a_header_that_is_empty_is_no_session(service: Service) -> None:
    """Only what a browser adds by itself needs our page's word; a request with the header of a program never has a session."""
    with client(service, "empty header") as asking:
        assert asking.get(f"{service.url}/api/v1/keys").status_code == 401
        assert asking.post(f"{service.url}/api/v1/groups", json={"group": GROUP}).status_code in (401, 403)


def test_nobody_sees_what_is_anothers(service: Service, tmp_path: Path) -> None:
    token = "Salaisuus7Q"
    with service.as_("beta") as beta:
        planted = {
            "group_id": beta.post("/groups", json={"group": GROUP | {"name": token}}).json()["group_id"],
            "name": f"{token.lower()}-lista",
        }
        rows = f"Y-tunnus;Nimi\n0112038-9;{token}\n".encode()
        assert beta.put(f"/lists/{planted['name']}", files={"file": ("a.csv", rows)}).status_code == 200
        delivery = ordered(beta, f"{token}-order", group=GROUP | {"name": token})
        planted |= {"order_id": delivery["order_id"], "delivery_id": delivery["delivery_id"]}
        job = beta.post("/refreshes", files={"file": (f"{token}.csv", rows)}).json()
        planted["job_id"] = job["job_id"]
        until(lambda: beta.get(f"/refreshes/{job['job_id']}").json()["stage"] in ("done", "failed"))
        done = beta.get(f"/refreshes/{job['job_id']}").json()
        assert done["stage"] == "done", done
        planted["access_id"] = beta.post("/keys", json={"label": token}).json()["access_id"]
        files = delivery["files"] + done["files"]
        with beta.stream("GET", f"/deliveries/{delivery['delivery_id']}/files/{delivery['files'][0]}") as file:
            assert file.status_code == 200
        seen = " ".join(beta.get(path).text for path in ("/groups", "/lists", "/orders", "/deliveries", "/refreshes", "/keys"))
        # Calibration: who may see it does; the tokens are what is looked for below.
        assert seen.count(token) >= 4 and all(value in seen for value in planted.values())
    secret = [token, token.lower(), *(value for name, value in planted.items() if name != "name")]
    bodies: list[dict[str, Any]] = [
        {}, {"json": {"group": GROUP}}, {"json": {"state": "ended"}}, {"json": {"what": "destroyed"}},
        {"json": order(GROUP | {"exclude": [planted["name"]]}), "headers": {"Idempotency-Key": f"{token}-order"}},
        {"json": {"group": GROUP | {"include": [planted["name"]]}}},
    ]  # fmt: skip
    asked, leaked, let_in = 0, [], []
    # What they themselves send they may see again later: first all that only reads.
    for is_reading, who in product((True, False), ("admin", "session of user")):
        with client(service, who) as acme:
            for method, path, capability in routes(service.app):
                if capability is None or not path.startswith("/api/v1") or (method == "GET") is not is_reading:
                    continue
                names = re.findall(r"\{(\w+)\}", path)
                if path.endswith("/{name}") and "files" in path:
                    addresses = [
                        path.replace("{delivery_id}", planted["delivery_id"])
                        .replace("{job_id}", planted["job_id"])
                        .replace("{name}", file)
                        for file in files
                    ]
                else:
                    values = [[planted.get(name, "region")] if name in planted else ["region"] for name in names]
                    addresses = [_put(path, names, told) for told in product(*values)]
                for address, body in product(addresses, bodies if method != "GET" else [{}]):
                    answer = acme.request(method, f"{service.url}{address}", **body)
                    asked += 1
                    sent = f"{address} {json.dumps(body, ensure_ascii=False)}"
                    found = [one for one in secret if one in answer.text and one not in sent]
                    if found:
                        leaked.append((who, method, path, found))
                    if any(name in planted for name in names) and answer.status_code < 400:
                        let_in.append((who, method, path, answer.status_code))
    print(f"{asked} requests with another's ids, {len(leaked)} leaks, {len(let_in)} let in")
    assert leaked == [] and [one for one in let_in if "lists/{name}" not in one[2]] == []
    with service.as_("beta") as beta:
        assert beta.get(f"/groups/{planted['group_id']}").json()["group"]["name"] == token
        assert beta.get(f"/orders/{planted['order_id']}").json()["state"] == "made"
        assert planted["name"] in beta.get("/lists").text
        assert [key["state"] for key in beta.get("/keys").json() if key["access_id"] == planted["access_id"]] == ["active"]
        assert beta.get(f"/deliveries/{planted['delivery_id']}").json()["confirmed"] == ["fetched"]
    with service.as_("officer") as officer, service.as_("operator") as operator:
        for ours, path in product((officer, operator), ("/groups", "/lists", "/orders", "/deliveries", "/refreshes", "/keys")):
            assert ours.get(path).status_code == 403


def _put(path: str, names: list[str], values: tuple[str, ...]) -> str:
    for name, value in zip(names, values, strict=True):
        path = path.replace(f"{{{name}}}", value)
    return path


def test_the_same_key_of_two_recipients_is_two_orders(service: Service) -> None:
    with service.as_("beta") as beta, service.as_("admin") as acme:
        one = beta.post("/orders", json=order(), headers={"Idempotency-Key": "the same for both"})
        other = acme.post("/orders", json=order(), headers={"Idempotency-Key": "the same for both"})
        assert one.status_code == other.status_code == 202 and one.json()["order_id"] != other.json()["order_id"]
        for who, answer in ((beta, one), (acme, other)):
            until(lambda who=who, answer=answer: who.get(f"/orders/{answer.json()['order_id']}").json()["state"] == "made")


def matrix(app: FastAPI) -> str:
    """Routes of the API by role, as a table of Markdown."""
    lines = ["| | " + " | ".join(access.ROLES) + " | trail |", "|---|" + "---|" * (len(access.ROLES) + 1)]
    for method, path, capability in routes(app):
        if path.startswith("/api/v1/") and path != "/api/v1/openapi.json":
            one = roles.capabilities().get(capability or "")
            may = ["yes" if one is None or role in one.roles else "" for role in access.ROLES]
            what = f"`{method} {path.removeprefix('/api/v1')}`"
            lines.append(f"| {what} | {' | '.join(may)} | {one.trail if one else 'no'} |")
    return "\n".join(lines)


def test_the_matrix_of_the_docs_is_current(service: Service) -> None:
    told = PAGE.read_text(encoding="utf-8")
    before, rest = told.split(BEGIN)
    _, after = rest.split(END)
    made = f"{before}{BEGIN}\n{matrix(service.app)}\n{END}{after}"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        PAGE.write_text(made, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == made, "UPDATE_SNAPSHOTS=1 writes it"


def test_an_access_that_has_ended_shuts_out_nobody_else(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ending it once more must not end the one that was opened since for the same person."""
    issuer, address = "https://login.example", "maija.mallikas@acme.example"

    def let_in() -> str:
        return access.add_account(service.home, "user", "Maija", issuer, address, recipient_id="acme", by_whom="a test")

    old = let_in()
    access.end(service.home, old, by_whom="a test")
    new = let_in()
    access.end(service.home, old, by_whom="a test")
    found = access.by_login(service.home, issuer, address)
    assert found is not None and found.access_id == new


def test_roles_are_what_the_file_says() -> None:
    """Nobody gets more by a slip in the file: what is of persons is the officer's, what is of recipients is theirs."""
    told = list(csv.DictReader(io.StringIO((Path(roles.__file__).with_name("roles.csv")).read_text(encoding="utf-8"))))
    assert all(
        {row[role] for role in access.ROLES} <= {"yes", "no"} and row["trail"] in ("before", "batched", "no") for row in told
    )
    of = {row["capability"]: {role for role in access.ROLES if row[role] == "yes"} for row in told}
    assert of["subjects"] == of["trail"] == of["reviews"] == of["notices"] == {"officer"}
    assert of["order"] == of["keys"] == {"admin"}
    assert all(
        not of[one] & {"officer", "operator"} for one in ("count", "preview", "groups", "orders", "deliveries", "refresh")
    )
    assert json.dumps(sorted(of)) == json.dumps(sorted(roles.capabilities()))
