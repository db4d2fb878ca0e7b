"""`python -m bench.full_set`: what it costs to make up everything and to land it: every source, two days.

Each landing is a process of its own, so that its peak memory is its own; what is asked over HTTP is asked of a registry server
in another (a child's peak begins at its parent's, so this process stays small). Prints a line per source and day, and writes
bench/results/full_set.json. Made-up data; nothing is fetched.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import IO, Any

from base.files import write_text
from bench.national import ROOT, run
from ingest import lake
from ingest.synthetic.generator import SOURCES
from ingest.synthetic.server import BASE
from ingest.synthetic.services import NOTICES_BASE, PTV_BASE

SERVED = {"ytj": BASE, "ptv": PTV_BASE, "prh_notices": NOTICES_BASE}
"""What is asked over HTTP, and where on the server."""

# What people send speaks of organisations that the registers must have told of before.
ORDER = [
    *(name for name in SOURCES if name not in ("survey", "bounces", "external_lists")),
    "survey",
    "bounces",
    "external_lists",
]
COUNTS = ("read", "landed", "unchanged", "quarantined", "disappeared")
COLUMNS = (
    f"{'source':<18}{'day':<12}{'read':>11}{'landed':>11}{'unchanged':>11}{'quarantined':>12}{'wall s':>9}{'CPU s':>9}{'MB':>7}"
)


def main() -> None:
    """Generate (unless --source has it already) and land every source of both days; print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organisations", type=int, default=10_000, help="companies in the register; others come on top")
    parser.add_argument("--source", type=Path, help="folder that `kohde synth` wrote with two days or more")
    parser.add_argument("--home", type=Path, help="lake to land in, kept afterwards; by default one that goes with the run")
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results" / "full_set.json")
    options = parser.parse_args()
    kohde = str(Path(sys.executable).with_name("kohde"))
    with tempfile.TemporaryDirectory(prefix="kohde-bench-") as scratch:
        home, source = options.home or Path(scratch) / "lake", options.source or Path(scratch) / "source"
        results: dict[str, Any] = {"organisations": options.organisations, "landings": []}
        if not options.source:
            size = ["--organisations", str(options.organisations), "--seed", "1", "--days", "2", "--out", str(source)]
            results["generate"] = asdict(run("generate two days", kohde, "synth", *size, home=home))
        about = json.loads((source / "truth" / "about.json").read_text(encoding="utf-8"))
        results["organisations"] = about["organisations"]
        for day in days(source)[:2]:
            results["landings"] += land_day(kohde, source, day, home)
        show(results)
        write_text(options.results, json.dumps(results, indent=1))


def land_day(kohde: str, source: Path, day: date, home: Path) -> Iterator[dict[str, Any]]:
    """Land what there is of a day, source by source, and tell what each landing did and cost."""
    for name in ORDER:
        before = {receipt.load_id for receipt in lake.manifests(home)}
        with origin(kohde, name, source, day) as where:
            if where is None:
                continue
            step = run(
                f"land {name}, {day}", kohde, "land", name, "--from", where, "--date", day.isoformat(), "--json", home=home
            )
        receipts = [receipt for receipt in lake.manifests(home) if receipt.load_id not in before]
        counts: Counter[str] = Counter()
        for receipt in receipts:
            counts.update(asdict(receipt.counts))
        datasets = {receipt.load_id: asdict(receipt.counts) for receipt in receipts}
        told = {count: counts[count] for count in COUNTS}
        yield {"source": name, "day": day.isoformat(), **told, **asdict(step), "loads": datasets}


@contextmanager
def origin(kohde: str, name: str, source: Path, day: date) -> Iterator[str | None]:
    """Where a day of a source is had: at a server, in the day's folder or file, or in the source's folder on the first day."""
    if name in SERVED:
        serve = [kohde, "registry", "serve", "--dir", str(source), "--day", day.isoformat(), "--port", "0", "--rate-limit", "0"]
        with subprocess.Popen([*serve, "--json"], cwd=ROOT, stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            told, _ = json.JSONDecoder().raw_decode(_object(server.stdout))
            try:
                yield told["url"].removesuffix(BASE) + SERVED[name]
            finally:
                server.terminate()  # not SIGINT: who runs in the background ignores that
        return
    dated = [path for path in (source / name).glob("*") if path.stem == day.isoformat()]
    comes_daily = any((source / name).glob("????-??-[0-3][0-9]*"))
    if dated:
        yield str(dated[0])
    else:
        yield str(source / name) if not comes_daily and day == days(source)[0] else None


def _object(stream: IO[bytes]) -> str:
    """The lines of a JSON object that is printed before the end of the stream."""
    text = ""
    while not text.rstrip().endswith("}"):
        line = stream.readline().decode()
        if not line:
            raise SystemExit("the registry server did not start")
        text += line
    return text


def days(source: Path) -> list[date]:
    """The days that were generated."""
    return sorted(date.fromisoformat(path.stem) for path in (source / "truth" / "entities").glob("*.parquet"))


def show(results: dict[str, Any]) -> None:
    """The table, a line per landing, and what all of it took together."""
    print(f"\n{COLUMNS}")
    for line in results["landings"]:
        counts = "".join(f"{line[count]:>{12 if count == 'quarantined' else 11},}" for count in COUNTS[:4])
        print(
            f"{line['source']:<18}{line['day']:<12}{counts}{line['wall_s']:>9.1f}{line['cpu_s']:>9.1f}{line['peak_mb']:>7.0f}"
        )
    landings = results["landings"]
    total = {name: sum(line[name] for line in landings) for name in (*COUNTS, "wall_s", "cpu_s")}
    results["total"] = total | {"peak_mb": max(line["peak_mb"] for line in landings)}
    counts = "".join(f"{total[count]:>{12 if count == 'quarantined' else 11},}" for count in COUNTS[:4])
    print(f"{'all':<30}{counts}{total['wall_s']:>9.1f}{total['cpu_s']:>9.1f}{results['total']['peak_mb']:>7.0f}")


if __name__ == "__main__":
    main()
