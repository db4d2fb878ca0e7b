"""Twenty people clicking facets over HTTP at 1,000,000 organisations and 1.5 M persons: one service, a key for each of them.

Made-up targets as in bench/picker.py. Each person waits about a second between clicks, changes one condition of what they had
before, and asks for the waterfall and all facets of it, over the API and as the page does. Prints and writes
bench/results/service.json: `python -m bench.service [--organisations N] [--people 20] [--seconds 60]`
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
from delivery.service.shelf import Version
from ledger import access, recipients
from orchestration import serving

ROOT = Path(__file__).parents[1]
PORT = 8917
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
    uvicorn.run(service, host="127.0.0.1", port=PORT, log_level="error", access_log=False)


async def click(key: str, seconds: float, seed: int, think: float) -> list[tuple[float, int]]:
    """One person: milliseconds and status of each click."""
    dice, chosen, took = random.Random(seed), dict[str, set[str]](), []
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{PORT}", headers={"Authorization": f"Bearer {key}"}) as client:
        until = time.monotonic() + seconds
        await asyncio.sleep(dice.random() * think)
        while time.monotonic() < until:
            field = dice.choice(list(VALUES))
            chosen.setdefault(field, set()).symmetric_difference_update({dice.choice(VALUES[field])})
            body = {"group": group(chosen), "facets": ["*"]}
            started = time.perf_counter()
            answer = await client.post("/api/v1/counts", json=body, timeout=60)
            took.append(((time.perf_counter() - started) * 1000, answer.status_code))
            await asyncio.sleep(dice.expovariate(1 / think))
    return took


def group(chosen: dict[str, set[str]]) -> dict[str, Any]:
    """The target group of what is clicked."""
    leaves = [{"field": field, "in": sorted(codes)} for field, codes in chosen.items() if codes]
    told: dict[str, Any] = {"version": 1, "name": "bench", "channels": ["email", "phone"], "campaign": {"areas": ["TALOUS"]}}
    return told | ({"criteria": {"all": leaves}} if leaves else {})


async def crowd(keys: list[str], seconds: float, think: float) -> list[tuple[float, int]]:
    """All of them at once."""
    found = await asyncio.gather(*(click(key, seconds, seed, think) for seed, key in enumerate(keys)))
    return [one for of_person in found for one in of_person]


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
            asyncio.run(crowd(keys, 5, options.think))
            took = asyncio.run(crowd(keys, options.seconds, options.think))
        finally:
            process.terminate()
            process.wait()
    milliseconds = np.array([one for one, _ in took])
    found = {
        "organisations": options.organisations, "people_clicking": options.people, "seconds": options.seconds,
        "think_s": options.think, "load": round(os.getloadavg()[0], 1), "requests": len(took),
        "p50_ms": round(float(np.quantile(milliseconds, 0.5)), 1), "p95_ms": round(float(np.quantile(milliseconds, 0.95)), 1),
        "p99_ms": round(float(np.quantile(milliseconds, 0.99)), 1),
        "statuses": dict(Counter(str(status) for _, status in took)),
        "errors": sum(status != 200 for _, status in took),
    }  # fmt: skip
    print(json.dumps(found, indent=2))
    if options.organisations == 1_000_000:
        write_text(ROOT / "bench" / "results" / "service.json", json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
