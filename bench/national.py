"""`make bench`: what a national day costs. Landing, full build, a day with 1 % changes, each in a process of its own.

Prints and writes bench/results/national.json: wall seconds, CPU seconds and peak memory of each step, the day's increment
against the full build, the size of what is published against the raw JSON. Made-up companies; nothing is fetched.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

from base.files import write_text

ROOT = Path(__file__).parents[1]


@dataclass
class Step:
    """One process: what it did, wall and CPU seconds (children included), peak resident memory in MB."""

    name: str
    wall_s: float
    cpu_s: float
    peak_mb: float


def run(name: str, *command: str, home: Path) -> Step:
    """Run a command to its end and measure it by the operating system's own accounts."""
    environment = os.environ | {"KOHDE_HOME": str(home), "KOHDE_SECRET": "5e" * 32}
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{name}: {' '.join(command)} ended with status {os.waitstatus_to_exitcode(status)}")
    step = Step(name, round(time.monotonic() - started, 1), round(usage.ru_utime + usage.ru_stime, 1), usage.ru_maxrss / 1000)
    print(f"{step.name:<34}{step.wall_s:>9.1f} s wall{step.cpu_s:>9.1f} s cpu{step.peak_mb:>9.0f} MB", flush=True)
    return step


def main() -> None:
    """Generate (unless --source has it already), land two days, build, increment, publish; print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organisations", type=int, default=1_000_000)
    parser.add_argument("--source", type=Path, help="folder that `kohde synth` wrote with two days or more")
    options = parser.parse_args()
    kohde = str(Path(sys.executable).with_name("kohde"))
    with tempfile.TemporaryDirectory(prefix="kohde-bench-") as scratch:
        home, source = Path(scratch) / "lake", options.source or Path(scratch) / "source"
        steps = []
        if not options.source:
            size = ["--organisations", str(options.organisations), "--seed", "1", "--days", "2", "--out", str(source)]
            steps.append(run("generate two days", kohde, "synth", *size, home=home))
        first, second = sorted(source.glob("ytj/*/all_companies.zip"))[:2]
        steps.append(run("start-up (kohde status)", kohde, "status", home=home))
        steps.append(run("land the first day", kohde, "land", "ytj", "--from", str(first), home=home))
        steps.append(run("full build", kohde, "build", home=home))
        steps.append(run("publish", kohde, "publish", home=home))
        steps.append(run("land the next day, 1 % changed", kohde, "land", "ytj", "--from", str(second), home=home))
        steps.append(run("build the day's increment", kohde, "build", home=home))
        steps.append(run("publish again", kohde, "publish", home=home))
        report(steps, home, first)


def report(steps: list[Step], home: Path, first: Path) -> None:
    """Print the ratios and write everything as JSON."""
    by_name = {step.name: step for step in steps}
    with zipfile.ZipFile(first) as archive:
        raw = archive.infolist()[0].file_size
    loads = [json.loads(p.read_text()) for p in sorted((home / "manifests").glob("ytj-companies-*.json"))]
    published = (home / "published" / "current" / "registry.duckdb").stat().st_size
    ratios = {
        "next day's landing / first": by_name["land the next day, 1 % changed"].wall_s / by_name["land the first day"].wall_s,
        "increment / full build": by_name["build the day's increment"].wall_s / by_name["full build"].wall_s,
        "published / raw JSON": published / raw,
    }
    for name, ratio in ratios.items():
        print(f"{name:<34}{ratio:>9.3f}")
    for load in loads:
        print(load["load_id"], load["counts"])
    results = {"steps": [asdict(s) for s in steps], "ratios": ratios, "loads": [load["counts"] for load in loads]}
    results |= {
        "raw_json_bytes": raw,
        "published_bytes": published,
        "own_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }
    write_text(ROOT / "bench" / "results" / "national.json", json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
