"""Twenty people clicking facets over HTTP at 1,000,000 organisations and 1.5 M persons: one service, a key for each of them.

Made-up targets as in bench/picker.py. Each person waits about a second between clicks and changes one condition of what they
had before; first all ask the API for the waterfall and all facets, then for the page's fragment, as its script does. Times as
the server has them (from the request's head to that of the answer) and as the person does, on the same processors. Prints and
writes bench/results/service.json: `python -m bench.service [--organisations N] [--people 20] [--seconds 60]`
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import httpx2
import numpy as np

from base.files import switch_pointer, write_text
from bench.picker import synthetic
from delivery.index import Index
from delivery.picker import Picker
from delivery.service import app
from delivery.service.settings import Settings
from delivery.service.shelf import Version, settle
from ledger import access, recipients
from orchestration import serving

ROOT = Path(__file__).parents[1]
PORT = 8917
API, PAGE = "/api/v1/counts", "/pick"
VALUES = {
    "region": ["01", "02", "04", "05", "06", "11", "17"], "industry_section": list("CFGHIJKMNQ"),
    "staff_band": ["5-9", "10-19", "20-49", "50-99", "100-249"], "legal_form_group": ["company", "association", "cooperative"],
    "area": ["TALOUS", "HENKILOSTO", "MYYNTI", "IT", "HANKINTA"], "level": ["director", "manager", "specialist"],
    "person_language": ["fi", "sv"],
}  # fmt: skip
"""What people click."""


def serve(home: Path, organisations: int, people: int) -> None:
    """The service of a lake whose version in service is made up in memory."""
    import uvicorn

    db = duckdb.connect()
    synthetic(db, organisations, people)
    db.execute("create schema registry.restricted")
    db.execute(
        "create table registry.restricted.recipient_objections "
        "(recipient_id varchar, channel varchar, person_id varchar, business_id varchar)"
    )
    picker = Picker(db)
    picker.put(Index(db, "person"))
    service = app.create(serving.office(home), Settings(requests_per_minute=100_000))
    service.state.house.shelf._held = Version((home / "published" / "current").resolve(), db, picker)
    settle()
    uvicorn.run(Timed(service, home / "took.json"), host="127.0.0.1", port=PORT, log_level="error", access_log=False)


class Timed:
    """An application and how long it took to begin each answer, in milliseconds, by path; written down when it ends."""

    def __init__(self, app: Any, into: Path) -> None:
        self.app, self.into, self.took = app, into, dict[str, list[float]]()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """As ASGI asks."""
        started = time.perf_counter()

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.took.setdefault(scope["path"], []).append((time.perf_counter() - started) * 1000)
            await send(message)

        await self.app(scope, receive, sent)
        if scope["type"] == "lifespan":
            self.into.write_text(json.dumps(self.took))


async def click(key: str, path: str, seconds: float, seed: int, think: float) -> list[tuple[float, int]]:
    """One person: milliseconds and status of each click."""
    dice, chosen, took = random.Random(seed), dict[str, set[str]](), []
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{PORT}", headers={"Authorization": f"Bearer {key}"}) as client:
        until = time.monotonic() + seconds
        await asyncio.sleep(dice.random() * think)
        while time.monotonic() < until:
            field = dice.choice(list(VALUES))
            chosen.setdefault(field, set()).symmetric_difference_update({dice.choice(VALUES[field])})
            started = time.perf_counter()
            if path == PAGE:
                asked = [("channel", "email"), ("channel", "phone"), ("about", "TALOUS")]
                asked += [(field, code) for field, codes in chosen.items() for code in sorted(codes)]
                answer = await client.get(path, params=asked, headers={"X-Fragment": "1"}, timeout=60)
            else:
                answer = await client.post(path, json={"group": group(chosen), "facets": ["*"]}, timeout=60)
            took.append(((time.perf_counter() - started) * 1000, answer.status_code))
            await asyncio.sleep(dice.expovariate(1 / think))
    return took


def group(chosen: dict[str, set[str]]) -> dict[str, Any]:
    """The target group of what is clicked."""
    leaves = [{"field": field, "in": sorted(codes)} for field, codes in chosen.items() if codes]
    told: dict[str, Any] = {"version": 1, "name": "bench", "channels": ["email", "phone"], "campaign": {"areas": ["TALOUS"]}}
    return told | ({"criteria": {"all": leaves}} if leaves else {})


async def crowd(keys: list[str], path: str, seconds: float, think: float) -> list[tuple[float, int]]:
    """All of them at once."""
    found = await asyncio.gather(*(click(key, path, seconds, seed, think) for seed, key in enumerate(keys)))
    return [one for of_person in found for one in of_person]


def told(took: list[tuple[float, int]], server: list[float]) -> dict[str, Any]:
    """What is printed of one kind of click. server: milliseconds as the server has them."""
    quantiles = {
        f"{name}_p{round(100 * q)}_ms": round(float(np.quantile(times, q)), 1)
        for name, times in (("server", server), ("client", [one for one, _ in took]))
        for q in (0.5, 0.95, 0.99)
    }
    statuses = Counter(status for _, status in took)
    return {"requests": len(took), "errors": len(took) - statuses[200], **quantiles}


def wait(process: "subprocess.Popen[bytes]") -> None:
    """Until the service answers."""
    while process.poll() is None:
        try:
            if httpx2.get(f"http://127.0.0.1:{PORT}/api/v1/alive").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.5)
    raise SystemExit("the service ended by itself")


def main() -> None:
    """Start the service, let people click, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organisations", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--think", type=float, default=1.0, help="mean seconds between two clicks of one person")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.organisations, options.organisations * 3 // 2)
        return
    os.environ.setdefault("KOHDE_SECRET", "5e" * 32)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "lake"
        recipients.add(home, "crowd", "Crowd Oy", by_whom="bench")
        (home / "published" / "made-up").mkdir(parents=True)
        switch_pointer(home / "published" / "current", "made-up")
        keys = [
            access.add_key(home, "user", f"person {n}", recipient_id="crowd", by_whom="bench") for n in range(options.people)
        ]
        command = [sys.executable, "-m", "bench.service", "--serve", str(home), "--organisations", str(options.organisations)]
        process = subprocess.Popen(command, cwd=ROOT)
        try:
            wait(process)
            began, took = {}, {}
            for path in (API, PAGE):
                warm = asyncio.run(crowd(keys, path, 5, options.think))
                began[path], took[path] = len(warm), asyncio.run(crowd(keys, path, options.seconds, options.think))
        finally:
            process.terminate()
            process.wait()
        server = json.loads((home / "took.json").read_text())
    found = {
        "organisations": options.organisations, "people_clicking": options.people, "seconds": options.seconds,
        "think_s": options.think, "load": round(os.getloadavg()[0], 1),
        **{path: told(took[path], server[path][began[path] :]) for path in (API, PAGE)},
    }  # fmt: skip
    print(json.dumps(found, indent=2))
    if options.organisations == 1_000_000:
        write_text(ROOT / "bench" / "results" / "service.json", json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
