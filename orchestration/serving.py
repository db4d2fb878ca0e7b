"""Starts Poimintapalvelu: gives the service what it asks of the house (delivery/service/office.py) and runs it."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from base.refused import Refused
from delivery.columns import Language
from delivery.service import app, settings
from delivery.service.office import Office
from ledger import objections
from orchestration import noticing, objecting, publish, status
from orchestration.subject import change, erase, find, report

HOST = "127.0.0.1"


def office(home: Path) -> Office:
    """Everything the service may ask for, of one lake."""

    def correct(
        person_id: str, field: str, value: str | None, business_id: str | None, by_whom: str, reason: str
    ) -> dict[str, Any]:
        known = find.subject(home, person_id)
        return asdict(change.correct(home, known, field, value, by_whom=by_whom, reason=reason, business_id=business_id))

    def restrict(person_id: str, evidence: str, by_whom: str) -> dict[str, Any]:
        return asdict(change.restrict(home, find.subject(home, person_id), evidence=evidence, by_whom=by_whom))

    def erased(person_id: str, evidence: str, by_whom: str) -> dict[str, Any]:
        return asdict(erase.erase(home, [find.subject(home, person_id)], evidence=evidence, by_whom=by_whom))

    def reported(person_id: str, language: Language) -> dict[str, Any]:
        return report.report(home, person_id, language)

    def decide(objection_id: int, person_id: str, verdict: str, by_whom: str, reason: str) -> int:
        return objections.review(home, objection_id, person_id, verdict, by_whom=by_whom, reason=reason)

    return Office(
        home=home,
        republish=partial(publish.publish, home),
        object=lambda saying: asdict(objecting.add(home, saying)),
        find=lambda sought: find.find(home, find.Question(**asdict(sought))),
        report=reported,
        page=report.html,
        correct=correct,
        restrict=restrict,
        erase=erased,
        reviews=partial(objecting.waiting, home),
        decide=decide,
        notices=partial(noticing.due, home),
        health=lambda: health(home),
    )


def health(home: Path) -> dict[str, Any]:
    """Status of the lake, and what the marts say of themselves: survey coverage by wave, calibration."""
    told = status.status(home).to_dict()
    return {name: told[name] for name in ("datasets", "never_landed", "build", "published", "is_demo")}


def create(home: Path) -> FastAPI:
    """The service over a lake, with its settings from the environment. Raises keys.SecretMissing, Refused, LedgerRefused."""
    publish.current(home)
    return app.create(office(home), settings.load())


def run(home: Path, port: int, host: str, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM; `ready` is called with the address when the service answers.

    On another address than this machine's own people must reach it over HTTPS: KOHDE_SERVICE_URL says where. Raises Refused.
    """
    import uvicorn

    told = settings.load()
    if host not in (HOST, "::1", "localhost") and not told.is_https:
        raise Refused(
            f"on {host} keys would go over the network in clear: set KOHDE_SERVICE_URL to the https:// address of a proxy"
        )
    service = app.create(office(home), told)
    # What is asked for stands in the trail; access logs would hold what people type into addresses.
    config = uvicorn.Config(
        service, host=host, port=port, log_level=logging.WARNING, access_log=False, server_header=False,
        proxy_headers=told.url is not None,
    )  # fmt: skip
    server = uvicorn.Server(config)
    service.state.house.shelf.renew()
    _told_when_ready(server, f"http://{host}:{port}", ready)
    server.run()


def _told_when_ready(server: Any, url: str, ready: Callable[[str], None]) -> None:
    def wait() -> None:
        while not server.started and not server.should_exit:
            time.sleep(0.05)
        if server.started:
            ready(url)

    threading.Thread(target=wait, daemon=True).start()
