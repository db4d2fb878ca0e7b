"""Poimintapalvelu does what the command line does, over HTTP: counts, groups, orders, deliveries, objections, refreshes."""

import csv
import io
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from base import files
from delivery import counting, group, published
from delivery.counting import Context
from delivery.deliver import deliver
from delivery.picker import Picker
from delivery.service import fetching, refreshing
from delivery.service.settings import Settings
from ledger import disclosures, objections, store
from ledger import orders as ledger_orders
from tests.service import GROUP, Service, copied, free_port, order, ordered, people, serve, until

LIST = "Y-tunnus;Nimi\n{}\n"


@pytest.fixture
def own(published_lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A service over a lake of this test's own."""
    home = copied(published_lake, tmp_path / "lake")
    monkeypatch.setenv("KOHDE_CONTACT", "kiellot@kohde.example")
    keys = people(home)
    with serve(home) as running:
        running.keys = keys
        yield running


def uusimaa(**more: Any) -> dict[str, Any]:
    return GROUP | {"criteria": {"field": "region", "in": ["01"]}} | more


@pytest.mark.parametrize(
    "wanted", [GROUP, uusimaa(unit="organisation", channels=["phone", "post"]), uusimaa(per_company={"max": 1})]
)
def test_a_count_is_the_pickers(service: Service, wanted: dict[str, Any]) -> None:
    one = group.parse(wanted)
    with service.as_("user") as user, published.desk(service.home) as db:
        told = user.post("/counts", json={"group": wanted, "facets": ["region", "area"][: 2 if one.unit == "person" else 1],
                                         "by": ["region"]}).json()  # fmt: skip
        # What acme has been given before by other tests is in no group of these.
        counted = Picker(db).count(one, Context("acme"))
        shown = counting.protected(counted) if one.unit == "person" else counted
        assert told["result"] == counted.result and told["available"] == counted.available
        assert told["waterfall"] == shown.waterfall and told["matching"] == shown.matching
        assert sum(line["count"] for line in told["waterfall"][1:]) == told["waterfall"][0]["count"]
        assert told["criteria_hash"] == group.digest(one)
        facets = Picker(db).facets(one, ["region"], Context("acme"))["region"]
        assert told["facets"]["region"] == [{"values": list(cell.values), "count": cell.count} for cell in facets]
        assert sum(cell["count"] or 0 for cell in told["breakdown"]) <= told["available"]


def test_an_ordered_file_has_as_many_rows_as_were_counted(service: Service) -> None:
    with service.as_("admin") as admin:
        told = admin.post("/counts", json={"group": uusimaa()}).json()
        delivery = ordered(admin, "as many as counted", group=uusimaa())
        name = next(name for name in delivery["files"] if name.endswith(".csv"))
        fetched = admin.get(f"/deliveries/{delivery['delivery_id']}/files/{name}")
        rows = list(csv.DictReader(io.StringIO(fetched.content.decode("utf-8-sig")), delimiter=";"))
        assert len(rows) == delivery["rows"] == told["result"] > 0
        folder = service.home / "deliveries" / "acme" / delivery["order_id"] / delivery["delivery_id"]
        for name in delivery["files"]:
            answer = admin.get(f"/deliveries/{delivery['delivery_id']}/files/{name}")
            assert answer.content == (folder / name).read_bytes()
            assert "attachment" in answer.headers["content-disposition"]
            assert answer.headers["content-type"] == "application/octet-stream"
        assert f"{files.sha256(folder / name)}" in (folder / "checksums.sha256").read_text() or name == "checksums.sha256"
        assert admin.get(f"/deliveries/{delivery['delivery_id']}").json()["confirmed"] == ["fetched"]
        assert admin.get(f"/deliveries/{delivery['delivery_id']}/files/_READY").status_code == 404


def test_small_losses_of_persons_are_not_shown(service: Service) -> None:
    with service.as_("user") as user:
        told = user.post("/counts", json={"group": uusimaa(), "facets": ["*"], "by": ["region", "area"]}).json()
        for line in (*told["waterfall"][1:-1], *told["matching"][1:-1]):
            if line["gate"] in counting.ORDERED:
                assert not 0 < line["count"] < counting.SMALL
        cells = [*told["breakdown"], *(cell for cells in told["facets"].values() for cell in cells)]
        assert cells and not [cell for cell in cells if 0 < (cell["count"] or 0) < counting.SMALL]


@pytest.mark.parametrize("unit", ["person", "organisation"])
def test_a_preview_names_nobody(service: Service, unit: str) -> None:
    """Neither names, addresses nor numbers of anybody in the group, nor of a trader, whose firm is called as they are."""
    wanted = GROUP | {"unit": unit, "channels": ["email", "phone", "post"]}
    with service.as_("user") as user, published.desk(service.home) as db:
        found: list[dict[str, Any]] = []
        for criteria in (
            {"field": "legal_form_group", "in": ["sole_trader"]},
            {"field": "legal_form_group", "in": ["company"]},
        ):
            answer = user.post("/previews", json={"group": wanted | {"criteria": criteria}, "rows": 20})
            assert answer.status_code == 200, answer.text
            found += answer.json()
        assert len(found) >= 20
        shown = [{name: row[name] for name in ("person", "areas", "level", "channels")} for row in found]
        words = set(re.findall(r"\w{3,}", json.dumps(shown, ensure_ascii=False)))
        text = json.dumps(found, ensure_ascii=False)
        people_of = db.execute(
            "select distinct first_name, last_name, value, channel from registry.marketing_contacts where person_id is not null"
        ).fetchall()
        assert not words & {name for first, last, *_ in people_of for name in (first, last)}
        assert not [value for *_, value, channel in people_of if channel != "post" and value in text]
        traders = db.execute("select name from marketing.organisations where legal_form_group = 'sole_trader'").fetchall()
        assert traders and not [name for (name,) in traders if f'"{name}"' in text]


def test_a_group_is_kept_worded_anew_and_removed(service: Service) -> None:
    with service.as_("user") as user, service.as_("admin") as admin:
        made = user.post("/groups", json={"group": uusimaa(name="Uusimaa")})
        assert made.status_code == 201
        group_id = made.json()["group_id"]
        assert admin.get(f"/groups/{group_id}").json()["group"]["name"] == "Uusimaa", "colleagues share them"
        assert user.put(f"/groups/{group_id}", json={"group": uusimaa(name="Etelä")}).status_code == 204
        (one,) = [one for one in user.get("/groups").json() if one["group_id"] == group_id]
        assert one["group"]["name"] == "Etelä" and one["saved_at"].endswith("Z")
        assert group.parse({k: v for k, v in one["group"].items() if v is not None}).name == "Etelä"
        assert user.delete(f"/groups/{group_id}").status_code == 204
        assert user.get(f"/groups/{group_id}").status_code == user.delete(f"/groups/{group_id}").status_code == 404
        refused = user.post("/groups", json={"group": GROUP | {"chanels": ["email"]}})
        assert refused.status_code == 422 and "did you mean channels" in refused.json()["detail"]


def test_own_lists_take_and_leave_out(service: Service) -> None:
    with service.as_("user") as user, published.desk(service.home) as db:
        found = db.execute(
            "select distinct business_id from marketing.marketing_contacts where channel = 'email' and person_id is not null "
            "order by 1 limit 30"
        ).fetchall()
        firms = [one for (one,) in found]
        table = LIST.format("\n".join(f"{one};X" for one in firms)).encode()
        saved = user.put("/lists/asiakkaat", files={"file": ("Asiakkaat 2026.csv", table)})
        assert saved.json() == {"name": "asiakkaat", "rows": 30}

        def result(**more: Any) -> int:
            return int(user.post("/counts", json={"group": GROUP | more}).json()["result"])

        everybody, among, others = result(), result(include=["asiakkaat"]), result(exclude=["asiakkaat"])
        assert among > 0 and among + others == everybody
        # Another file of this name counts at once.
        user.put("/lists/asiakkaat", files={"file": ("b.csv", LIST.format(f"{firms[0]};X").encode())})
        assert 0 < result(include=["asiakkaat"]) < among
        assert user.delete("/lists/asiakkaat").status_code == 204
        missing = user.post("/counts", json={"group": GROUP | {"exclude": ["asiakkaat"]}})
        assert missing.status_code == 404 and "upload it first" in missing.json()["detail"]
        assert user.put("/lists/..%2fpoissa", files={"file": ("a.csv", table)}).status_code in (404, 422)
        assert user.put("/lists/kuvat", files={"file": ("a.png", b"\x89PNG")}).status_code == 422
        assert not list((service.home / "uploads").glob("acme/*/*.csv")), "no upload is kept"


def test_an_order_is_taken_once(own: Service) -> None:
    with own.as_("admin") as admin:

        def post(_: int) -> httpx2.Response:
            return admin.post("/orders", json=order(), headers={"Idempotency-Key": "eight at a time"})

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(post, range(8)))
        assert sorted(answer.status_code for answer in answers) == [200] * 7 + [202]
        assert len({answer.json()["order_id"] for answer in answers}) == 1 == len(admin.get("/orders").json())
        order_id = answers[0].json()["order_id"]
        until(lambda: admin.get(f"/orders/{order_id}").json()["state"] == "made")
        assert post(0).status_code == 200 and len(admin.get("/deliveries").json()) == 1
        for other in (order(uusimaa()), order(file={"format": "xlsx"}), order(accepted={"version": "1", "by": "Toinen"})):
            assert admin.post("/orders", json=other, headers={"Idempotency-Key": "eight at a time"}).status_code == 409
        assert admin.post("/orders", json=order()).status_code == 422, "no key, no order"
        old = admin.post(
            "/orders", json=order(accepted={"version": "0", "by": "Oskari"}), headers={"Idempotency-Key": "old terms"}
        )
        assert old.status_code == 409 and "terms in force" in old.json()["detail"]
        assert len(admin.get("/orders").json()) == 1


def test_an_order_waits_is_paused_and_ended(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was ended before it was made is not made; what was paused is, when it goes on."""
    from delivery.service import ordering

    slow, real = [], deliver
    monkeypatch.setattr(ordering, "deliver", lambda *a, **k: (slow.append(1), time.sleep(1), real(*a, **k)))
    with own.as_("admin") as admin:
        taken = [
            admin.post("/orders", json=order(uusimaa(name=f"n{n}")), headers={"Idempotency-Key": f"number {n}"}).json()[
                "order_id"
            ]
            for n in range(3)
        ]
        assert admin.put(f"/orders/{taken[1]}/state", json={"state": "ended"}).json()["state"] == "ended"
        assert admin.put(f"/orders/{taken[2]}/state", json={"state": "paused"}).json()["state"] == "paused"
        until(lambda: not own.app.state.house.orders._waiting)
        assert {one["order_id"] for one in admin.get("/deliveries").json()} == {taken[0]} and len(slow) == 1
        assert admin.put(f"/orders/{taken[2]}/state", json={"state": "active"}).json()["state"] == "waiting"
        until(lambda: admin.get(f"/orders/{taken[2]}").json()["state"] == "made")
        assert admin.put(f"/orders/{taken[1]}/state", json={"state": "active"}).status_code == 422, "what has ended stays so"


def test_the_quota_counts_what_waits(published_lake: Path, tmp_path: Path) -> None:
    home = copied(published_lake, tmp_path / "lake")
    keys = people(home)
    with published.desk(home) as db:
        rows = Picker(db).count(group.parse(GROUP)).result
    with serve(home, Settings(rows_per_day=2 * rows, requests_per_minute=10_000)) as running:
        running.keys = keys
        with running.as_("admin") as admin, running.as_("beta") as beta:
            codes = [
                admin.post("/orders", json=order(), headers={"Idempotency-Key": f"order {n:04}"}).status_code for n in range(4)
            ]
            assert codes == [202, 202, 429, 429]
            until(lambda: not running.app.state.house.orders._waiting)
            late = admin.post("/orders", json=order(), headers={"Idempotency-Key": "order after all"})
            assert late.status_code == 429 and "rows a day are left" in late.json()["detail"]
            assert beta.post("/orders", json=order(), headers={"Idempotency-Key": "of another"}).status_code == 202
            until(lambda: not running.app.state.house.orders._waiting)


def test_a_licence_that_has_ended_gives_no_file(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    with own.as_("admin") as admin:
        delivery = ordered(admin, "for two months")
        path = f"/deliveries/{delivery['delivery_id']}/files/{delivery['files'][0]}"
        assert admin.get(path).status_code == 200
        real = fetching.datetime

        class Later(real):  # type: ignore[misc, valid-type]
            @classmethod
            def now(cls, zone: Any = None) -> Any:
                return real.now(zone) + timedelta(days=61)

        monkeypatch.setattr(fetching, "datetime", Later)
        gone = admin.get(path)
        assert gone.status_code == 410 and delivery["valid_until"] in gone.json()["detail"]


def test_confirmations_and_the_recall_inbox(own: Service) -> None:
    with own.as_("admin") as admin, own.as_("beta") as beta:
        delivery = ordered(admin, "confirmed by us")
        path = f"/deliveries/{delivery['delivery_id']}"
        for _ in range(2):
            assert admin.post(f"{path}/confirmations", json={"what": "destroyed"}).status_code == 204
        assert admin.get(path).json()["confirmed"] == ["destroyed"]
        assert len(disclosures.acknowledgements(own.home)) == 1
        assert beta.post(f"{path}/confirmations", json={"what": "destroyed"}).status_code == 404
        assert admin.post(f"{path}/confirmations", json={"what": "eaten"}).status_code == 422
        sent = {"kind": "recall", "valid_until": "2027-01-01", "to": None}
        ledger_orders.happened(own.home, "r-1", delivery["order_id"], "acme", "made", rows=2, period="x")
        ledger_orders.happened(own.home, "r-1", delivery["order_id"], "acme", "sent", **sent)
        assert [one["delivery_id"] for one in admin.get("/recalls").json()] == ["r-1"] and beta.get("/recalls").json() == []
        assert admin.post("/deliveries/r-1/confirmations", json={"what": "recalled"}).status_code == 204
        assert admin.get("/recalls").json() == []


def test_keys_made_and_ended_take_effect(service: Service) -> None:
    with service.as_("admin") as admin:
        made = admin.post("/keys", json={"label": "Uusi ohjelma", "role": "user", "days": 1}).json()
        fresh = httpx2.Client(base_url=f"{service.url}/api/v1", headers={"Authorization": f"Bearer {made['key']}"}, timeout=60)
        with fresh:
            assert fresh.get("/groups").status_code == 200 and fresh.get("/keys").status_code == 403
            listed = admin.get("/keys")
            assert made["key"] not in listed.text and made["access_id"] in listed.text
            assert admin.delete(f"/keys/{made['access_id']}").status_code == 204
            assert fresh.get("/groups").status_code == 401, "at once"
        assert admin.delete("/keys/a0123456789ab").status_code == 404
        assert admin.post("/keys", json={"label": "x y", "role": "operator"}).status_code == 422


def test_an_objection_of_a_customer_is_in_force_and_says_nothing(own: Service) -> None:
    with own.as_("user") as user, published.desk(own.home) as db:
        ((known,),) = db.execute(
            "select min(value) from marketing.marketing_contacts where channel = 'email' and person_id is not null"
        ).fetchall()
        told = [
            user.post("/objections", json={"reference": f"tiketti {n}", "email": address})
            for n, address in enumerate([known, "ei.ketaan@nowhere.example"])
        ]
        assert [one.status_code for one in told] == [201, 201]
        assert [set(one.json()) for one in told] == [{"objection_id"}] * 2, "whether anybody was found is not told"
        again = user.post("/objections", json={"reference": "tiketti 0", "email": known})
        assert again.json() == told[0].json(), "once"
        assert user.post("/objections", json={"reference": "x"}).status_code == 422
        refused = user.post("/previews", json={"group": GROUP})
        assert refused.status_code == 409 and "objected since" in refused.text, "no row that is not proven, masked or not"
        (row,) = [row for row in objections.every(own.home) if row["objection_id"] == told[0].json()["objection_id"]]
        assert row["origin"] == "customer" and row["revoked_at"] is None
        events = [json.dumps(event, default=str) for event in user_trail(own)]
        assert not [event for event in events if known in event or "tiketti" in event]


def user_trail(service: Service) -> list[dict[str, Any]]:
    with service.as_("officer") as officer:
        found: list[dict[str, Any]] = officer.get("/desk/trail", params={"most": 5000}).json()
        return found


def test_a_refresh_tells_how_far_it_is(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    with service.as_("user") as user, published.desk(service.home) as db:
        rows = db.execute("select business_id, name from registry.organisations order by business_id limit 50").fetchall()
        register = ("Y-tunnus;Nimi\n" + "\n".join(";".join(row) for row in rows)).encode()
        steps: list[str] = []
        house = service.app.state.house
        write = house.refreshes._write
        monkeypatch.setattr(house.refreshes, "_write", lambda folder, job: (steps.append(job["stage"]), write(folder, job)))
        job = user.post("/refreshes", files={"file": ("Asiakasrekisteri ä.csv", register)}).json()
        until(lambda: user.get(f"/refreshes/{job['job_id']}").json()["stage"] in ("done", "failed"))
        done = user.get(f"/refreshes/{job['job_id']}").json()
        assert done["stage"] == "done" and done["summary"]["rows"] == 50 and done["summary"]["results"]["matched"] == 50
        assert steps == list(refreshing.STAGES)
        for name in done["files"]:
            answer = user.get(f"/refreshes/{job['job_id']}/files/{name}")
            assert answer.content == (service.home / "deliveries" / "acme" / done["delivery_id"] / name).read_bytes()
            kept = service.home / "deliveries" / "acme" / done["delivery_id"] / name
            kept.rename(kept.with_suffix(".gone"))
            assert user.get(f"/refreshes/{job['job_id']}/files/{name}").status_code == 410
            kept.with_suffix(".gone").rename(kept)
        folder = service.home / "uploads" / "acme" / job["job_id"]
        assert [path.name for path in folder.iterdir()] == ["job.json"], "the upload is gone"
        failed = user.post("/refreshes", files={"file": ("kuva.csv", b"\x00\x01\x02" * 100)}).json()
        until(lambda: user.get(f"/refreshes/{failed['job_id']}").json()["stage"] == "failed")
        assert str(service.home) not in user.get(f"/refreshes/{failed['job_id']}").text


def test_a_refresh_that_was_killed_is_interrupted_and_forgotten(published_lake: Path, tmp_path: Path) -> None:
    home = copied(published_lake, tmp_path / "lake")
    keys = people(home)
    folder = home / "uploads" / "acme" / ("0" * 16)
    folder.mkdir(parents=True)
    (folder / "register.csv").write_text("secret of theirs")
    job = {"job_id": "0" * 16, "file": "register.csv", "language": "fi", "stage": "matching", "why": None, "delivery_id": None,
           "files": [], "summary": None, "began_at": datetime.now(UTC).isoformat()}  # fmt: skip
    (folder / "job.json").write_text(json.dumps(job))
    abandoned = home / "uploads" / "beta" / ("1" * 16)
    abandoned.mkdir(parents=True)
    (abandoned / "half.csv").write_text("x")
    os.utime(abandoned, (1, 1))
    with serve(home) as running:
        running.keys = keys
        with running.as_("user") as user:
            assert user.get(f"/refreshes/{'0' * 16}").json()["stage"] == "interrupted"
        assert not (folder / "register.csv").exists() and not abandoned.exists()


def test_a_new_version_is_taken_while_people_count(own: Service) -> None:
    """Nobody sees a fault, every answer is of one version, and the counts change within seconds."""
    current = own.home / "published" / "current"
    old = current.resolve()
    new = old.with_name("20991231T235959Z")
    shutil.copytree(old, new)
    import duckdb

    with duckdb.connect(str(new / "marketing.duckdb")) as db:
        db.execute(
            "delete from marketing_contacts where channel = 'email' and person_id is not null and hash(person_id) % 2 = 0"
        )
    with own.as_("user") as user:
        seen: dict[str, set[int]] = {}
        codes = []

        def ask(_: int) -> None:
            answer = user.post("/counts", json={"group": GROUP, "facets": ["region"]})
            codes.append(answer.status_code)
            seen.setdefault(answer.json()["version"], set()).add(answer.json()["result"])

        ask(0)
        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(ask, n) for n in range(40)]
            files.switch_pointer(current, new.name)
            for one in asked:
                one.result()
        deadline = time.monotonic() + 30
        while new.name not in seen and time.monotonic() < deadline:
            ask(0)
        assert set(codes) == {200} and set(seen) == {old.name, new.name}
        assert all(len(results) == 1 for results in seen.values()) and seen[old.name] != seen[new.name]
        print(f"{len(codes)} requests while versions changed, 0 failed")


def test_every_act_is_in_the_trail(own: Service) -> None:
    with own.as_("admin") as admin:
        answers = {
            "POST /api/v1/counts": admin.post("/counts", json={"group": GROUP}),
            "POST /api/v1/previews": admin.post("/previews", json={"group": GROUP}),
            "POST /api/v1/groups": admin.post("/groups", json={"group": GROUP | {"name": "Maija Mallikas"}}),
            "GET /api/v1/groups/{group_id}": admin.get("/groups/g012345678901"),
            "GET /api/v1/deliveries": admin.get("/deliveries"),
            "POST /api/v1/keys": admin.post("/keys", json={"label": "Maija Mallikkaan kone"}),
            "POST /api/v1/orders": admin.post("/orders", json=order(), headers={"Idempotency-Key": "in the trail"}),
            "POST /api/v1/desk/subjects/find": admin.post("/desk/subjects/find", json={"email": "maija.mallikas@acme.example"}),
        }
        found = {event["request_id"]: event for event in user_trail(own)}
        for action, answer in answers.items():
            event = found[answer.headers["x-request-id"]]
            assert (event["action"], event["status"], event["recipient_id"]) == (action, answer.status_code, "acme")
        assert (
            found[answers["POST /api/v1/counts"].headers["x-request-id"]]["rows"]
            == answers["POST /api/v1/counts"].json()["result"]
        )
        text = json.dumps(list(found.values()))
        assert not [word for word in ("Maija", "mallikas", "Päättäjät", own.keys["admin"]) if word in text]
        assert store.verify(own.home) == []
        until(lambda: not own.app.state.house.orders._waiting)


@pytest.mark.parametrize("how", ["locked", "missing", "set back"])
def test_what_cannot_be_written_down_is_not_shown(own: Service, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(store, "BUSY_SECONDS", 1)
    ledger, before = own.home / "ledger.db", own.home.parent / "before.db"
    with sqlite3.connect(ledger) as db:
        db.execute("vacuum into ?", [str(before)])
    with own.as_("admin") as admin:
        delivery = ordered(admin, "before it closes")
        admin.post("/groups", json={"group": GROUP | {"name": "Salaisuus7Q"}})
        holder = None
        if how == "locked":
            holder = sqlite3.connect(ledger, isolation_level=None)
            holder.execute("begin immediate")
        else:
            for path in own.home.glob("ledger.db*"):
                path.rename(path.with_name(f"was-{path.name}"))
            if how == "set back":
                shutil.copy2(before, ledger)
        asked = [
            ("POST", "/previews", {"json": {"group": GROUP}}),
            ("GET", "/deliveries", {}),
            ("GET", f"/deliveries/{delivery['delivery_id']}/files/{delivery['files'][-1]}", {}),
            ("POST", "/orders", {"json": order(), "headers": {"Idempotency-Key": "while it is closed"}}),
            ("POST", "/groups", {"json": {"group": GROUP}}),
            ("POST", "/objections", {"json": {"reference": "1", "email": "x@y.example"}}),
            ("POST", "/keys", {"json": {"label": "closed"}}),
        ]
        for method, path, more in asked:
            answer = admin.request(method, path, **more)
            assert answer.status_code == 503 and answer.headers["retry-after"], (path, answer.text)
            told = answer.json()
            assert set(told) == {"type", "title", "status", "detail", "request_id"}
            assert told["detail"] == "the ledger cannot be reached" and answer.headers["content-security-policy"]
        # Counts are written down within a second; when that fails they end, too.
        until(lambda: admin.post("/counts", json={"group": GROUP}).status_code == 503, 20)
        if holder:
            holder.rollback()
            holder.close()
        else:
            ledger.unlink(missing_ok=True)
            for path in own.home.glob("was-ledger.db*"):
                path.rename(path.with_name(path.name.removeprefix("was-")))
        until(lambda: admin.post("/counts", json={"group": GROUP}).status_code == 200, 20)
        assert [one["delivery_id"] for one in admin.get("/deliveries").json()] == [delivery["delivery_id"]]


def test_an_order_survives_a_kill(published_lake: Path, tmp_path: Path) -> None:
    """Taken and acknowledged, not made yet, kill -9: the next service makes it, once."""
    home = copied(published_lake, tmp_path / "lake")
    keys = people(home)
    port = free_port()
    slow = (
        "import sys, time\nfrom pathlib import Path\nfrom delivery.service import ordering\n"
        "ordering.deliver = lambda *a, **k: time.sleep(600)\n"
        "from orchestration import serving\nserving.run(Path(sys.argv[1]), int(sys.argv[2]), '127.0.0.1', print)"
    )
    process = subprocess.Popen([sys.executable, "-c", slow, str(home), str(port)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout and "http://" in process.stdout.readline()
        headers = {"Authorization": f"Bearer {keys['admin']}", "Idempotency-Key": "killed meanwhile"}
        taken = httpx2.post(f"http://127.0.0.1:{port}/api/v1/orders", json=order(), headers=headers, timeout=60)
        assert taken.status_code == 202 and taken.json()["state"] == "waiting"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    for _ in range(2):
        with serve(home) as running:
            running.keys = keys
            with running.as_("admin") as admin:
                until(lambda admin=admin: admin.get(f"/orders/{taken.json()['order_id']}").json()["state"] == "made")
                assert len(admin.get("/deliveries").json()) == 1
                until(lambda running=running: not running.app.state.house.orders._waiting)
    assert store.verify(home) == []


def test_a_check_tells_the_row_of_who_objected(whole_lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the ledger of this moment; and the next file is without them."""
    home = whole_lake
    keys = people(home)
    with serve(home) as running:
        running.keys = keys
        with running.as_("admin") as admin, running.as_("beta") as beta:
            delivery = ordered(admin, "to be checked", group=uusimaa())
            path = f"/deliveries/{delivery['delivery_id']}"
            clean = admin.post(f"{path}/check").json()
            assert clean["held"] == delivery["rows"] and clean["to_do"] == {}
            name = next(name for name in delivery["files"] if name.endswith(".csv"))
            text = admin.get(f"{path}/files/{name}").content.decode("utf-8-sig")
            row = next(row for row in csv.DictReader(io.StringIO(text), delimiter=";") if row["sahkoposti"])
            register = f"Y-tunnus;Nimi;Sähköposti\n{row['y_tunnus']};{row['yritys']};{row['sahkoposti']}\n".encode()
            job = admin.post("/refreshes", files={"file": ("rekisteri.csv", register)}).json()
            refreshed = f"/refreshes/{job['job_id']}"
            until(lambda: admin.get(refreshed).json()["stage"] == "done")
            answer = f"{refreshed}/files/{admin.get(refreshed).json()['files'][0]}"
            assert admin.get(answer).status_code == 200
            elsewhere = ordered(beta, "of others", group=uusimaa(criteria={"field": "region", "in": ["06"]}))
            said = admin.post("/objections", json={"reference": "soitto", "email": row["sahkoposti"]})
            assert said.status_code == 201
            assert admin.get(f"{path}/files/{name}").status_code == 409, "it has waited since before the objection"
            assert admin.get(answer).status_code == 409, "so has the answer to a refresh"
            theirs = next(name for name in elsewhere["files"] if name.endswith(".csv"))
            assert beta.get(f"/deliveries/{elsewhere['delivery_id']}/files/{theirs}").status_code == 200
            told = admin.post(f"{path}/check").json()
            assert row["rivi_id"] in {one for rows in told["to_do"].values() for one in rows}
            assert beta.post(f"{path}/check").status_code == 404
            later = ordered(admin, "after the objection", group=uusimaa(channels=["email", "phone"]))
            name = next(name for name in later["files"] if name.endswith(".csv"))
            text = admin.get(f"/deliveries/{later['delivery_id']}/files/{name}").content.decode("utf-8-sig")
            assert row["sahkoposti"] not in text
            row = next(row for row in csv.DictReader(io.StringIO(text), delimiter=";") if row["sahkoposti"] and row["puhelin"])
            no_mail = {"reference": "kirje", "email": row["sahkoposti"], "channel": "email"}
            assert admin.post("/objections", json=no_mail).status_code == 201
            assert admin.get(f"/deliveries/{later['delivery_id']}/files/{name}").status_code == 409, "one channel is closed"
