"""Poimintapalvelu as its users meet it: a real server on a port of this machine, over a copy of the published lake."""

import json
import shutil
import socket
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from itsdangerous import TimestampSigner

from delivery import terms
from delivery.service import app, settings
from delivery.service.settings import Settings
from ledger import access, chain, recipients
from orchestration import serving

OVER = {"topic": "ohjelmistot", "override_reason": "the test asks everybody whatever their area"}
GROUP: dict[str, Any] = {"version": 1, "name": "Päättäjät", "channels": ["email"], "campaign": OVER}
WITHIN_SECONDS = 120


@dataclass
class Service:
    """A running service. keys: of one access each, by the name of its role (and `beta`: admin of another recipient)."""

    home: Path
    url: str
    app: FastAPI
    keys: dict[str, str] = field(default_factory=dict)

    def as_(self, who: str | None, **headers: str) -> httpx2.Client:
        """A client with somebody's key, or nobody's."""
        if who:
            headers["Authorization"] = f"Bearer {self.keys[who]}"
        return httpx2.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=WITHIN_SECONDS)

    def signed_in(self, who: str, **headers: str) -> httpx2.Client:
        """A client that has the session of somebody who signed in with their key, as a browser on our page sends it."""
        session = {"access_id": access.id_of(self.keys[who]), "since": int(time.time())}
        headers = {"Sec-Fetch-Site": "same-origin", "Cookie": f"kohde_session={cookie(session)}"} | headers
        return httpx2.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=WITHIN_SECONDS)


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def session_of(cookie: str) -> dict[str, Any]:
    """What a session's cookie says."""
    told: dict[str, Any] = json.loads(b64decode(cookie.strip('"').split(".")[0]))
    return told


def cookie(session: dict[str, Any], secret: str | None = None) -> str:
    """A session as the service signs it."""
    return TimestampSigner(secret or settings.session_secret()).sign(b64encode(json.dumps(session).encode())).decode()


@contextmanager
def serve(home: Path, told: Settings | None = None, port: int = 0) -> Iterator[Service]:
    """Serve a lake from a thread; 0: on any port that is free."""
    made = app.create(serving.office(home), told or Settings(requests_per_minute=100_000, failures_per_minute=10_000))
    config = uvicorn.Config(made, port=port, log_level="warning", access_log=False, server_header=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + WITHIN_SECONDS
    while not server.started:
        assert thread.is_alive() and time.monotonic() < deadline
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Service(home, f"http://127.0.0.1:{port}", made)
    finally:
        server.should_exit = True
        thread.join(WITHIN_SECONDS)
        assert not thread.is_alive()


def people(home: Path) -> dict[str, str]:
    """Two recipients and a key for everybody there is: by role, `beta` of the other one, `ended` and `expired`."""
    for name in ("acme", "beta"):
        recipients.add(home, name, f"{name.title()} Oy", by_whom="a test")
    keys = {
        role: access.add_key(home, role, f"a {role}", recipient_id=None if role in access.OURS else "acme", by_whom="a test")
        for role in access.ROLES
    }
    keys["beta"] = access.add_key(home, "admin", "the other one", recipient_id="beta", by_whom="a test")
    keys["ended"] = access.add_key(home, "admin", "of last year", recipient_id="acme", by_whom="a test")
    access.end(home, keys["ended"].split("_")[1], by_whom="a test")
    yesterday: datetime = chain.now() - timedelta(days=1)
    keys["expired"] = access.add_key(home, "admin", "of yesterday", recipient_id="acme", expires_at=yesterday, by_whom="a test")
    return keys


def copied(lake: Path, home: Path, *more: str) -> Path:
    """An own copy of what is published and of the ledger, and of more of the lake by name."""
    home.mkdir(parents=True)
    for name in ("published", *more):
        source = lake / name
        shutil.copytree(source, home / name, symlinks=True) if source.is_dir() else shutil.copy2(source, home / name)
    for path in lake.glob("ledger*"):
        shutil.copy2(path, home / path.name)
    return home


def order(group: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The body of an order."""
    accepted = {"version": terms.CURRENT, "by": "Ostaja Oskari"}
    return {"group": group or GROUP, "file": {"format": "csv"}, "accepted": accepted} | more


def ordered(client: httpx2.Client, key: str, **more: Any) -> dict[str, Any]:
    """Order, wait until it is made, and the delivery."""
    taken = client.post("/orders", json=order(**more), headers={"Idempotency-Key": key})
    assert taken.status_code in (200, 202), taken.text
    order_id = taken.json()["order_id"]
    until(lambda: client.get(f"/orders/{order_id}").json()["state"] in ("made", "failed"))
    (found,) = [one for one in client.get("/deliveries").json() if one["order_id"] == order_id]
    told: dict[str, Any] = client.get(f"/deliveries/{found['delivery_id']}").json()
    return told


def until(is_so: Any, seconds: float = WITHIN_SECONDS) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


@contextmanager
def inhabited(home: Path, told: Settings | None = None, port: int = 0) -> Iterator[Service]:
    """Serve a lake that has `people`, as the process that they know it by."""
    keys = people(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KOHDE_HOME", str(home))
        patch.setenv("KOHDE_CONTACT", "kiellot@kohde.example")
        with serve(home, told, port) as running:
            running.keys = keys
            yield running


@pytest.fixture(scope="session")
def service(published_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for the whole run, over an own copy, with `people`. Tests leave what the others count by as it was."""
    home = copied(published_lake, tmp_path_factory.mktemp("service") / "lake", "warehouse.duckdb", "build_state.json")
    with inhabited(home) as running:
        yield running
