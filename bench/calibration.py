"""`python -m bench.calibration`: is p_current right? Two years of a made-up Finland, held against its truth.

Generates a world whose days lie a month apart, lands its registers, survey waves and bounces up to a day, builds the marts,
and compares decision_makers.p_current of that day with truth/roles: Brier score, slope and intercept of a logistic calibration,
and a reliability diagram. People of organisations that are no longer active are left out: they are withheld in any case.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from base.files import atomic_file, write_text
from bench.national import ROOT
from ingest.synthetic import generate
from orchestration import settings
from orchestration.build import build
from orchestration.worlds import land_day

RESULTS = ROOT / "bench" / "results" / "calibration.json"
PICTURE = ROOT / "docs" / "images" / "reliability.svg"
FIRST, EVERY = date(2026, 1, 2), 30
SOURCES = ["ytj", "prh_officers", "prh_notices", "statfi_business", "survey", "bounces"]
SLOPE = (0.9, 1.1)
Floats = npt.NDArray[np.float64]


@dataclass
class Class:
    """One class of the reliability diagram: mean prediction, share that was still there, how many."""

    predicted: float
    observed: float
    people: int


@dataclass
class Figures:
    """What was measured. brier_of_mean: the score of saying the mean share of everybody."""

    day: str
    people: int
    mean_predicted: float
    mean_observed: float
    brier: float
    brier_of_mean: float
    slope: float
    slope_error: float
    intercept: float
    classes: list[Class]


def main() -> int:
    """Generate (or take --source), land, build, compare, draw; 1 when the slope is outside 0.9 to 1.1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organisations", type=int, default=6_000)
    parser.add_argument("--steps", type=int, default=25, help="days of the world, a month apart; the last is the day compared")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--source", type=Path, help="folder that was generated so before")
    parser.add_argument("--picture", type=Path, default=PICTURE)
    options = parser.parse_args()
    days = [FIRST + timedelta(days=EVERY * step) for step in range(options.steps)]
    with tempfile.TemporaryDirectory(prefix="kohde-bench-") as scratch:
        source, home = options.source or Path(scratch) / "source", settings.export(Path(scratch) / "lake")
        if not options.source:
            with _timed(f"generate {options.organisations:,} organisations, {len(days)} months"):
                generate(options.organisations, options.seed, len(days), source, start=FIRST, sources=SOURCES, every=EVERY)
        with _timed("land"):
            land_day(source, days[0], home, ["ytj", "statfi_business"])
            for day in days:
                land_day(source, day, home, ["survey", "bounces"])
            land_day(source, days[-1], home, ["ytj", "prh_officers", "prh_notices"])
        with _timed("build"):
            build(home)
        figures = compare(home, source, days[-1])
    print(f"{figures.people:,} people at active organisations, as last verified by a survey, on {figures.day}")
    print(f"p_current {figures.mean_predicted:.3f} on average, still there {figures.mean_observed:.3f}")
    print(f"Brier score {figures.brier:.4f} (of the mean alone {figures.brier_of_mean:.4f})")
    print(f"calibration slope {figures.slope:.3f} +- {figures.slope_error:.3f}, intercept {figures.intercept:.3f}")
    for one in figures.classes:
        print(f"  p {one.predicted:.2f}   found {one.observed:.2f}   {one.people:>6,} people")
    write_text(RESULTS, json.dumps(asdict(figures), indent=2) + "\n")
    draw(figures, options.picture)
    return 0 if SLOPE[0] <= figures.slope <= SLOPE[1] else 1


def compare(home: Path, source: Path, day: date) -> Figures:
    """p_current of everybody surveyed, against who really works there on the day. Reads the warehouse of the lake."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as db:
        found = db.execute(
            f"""
            with links as (
                select person_id, business_id, max(p_current) as p
                from main.decision_makers inner join main.organisations using (business_id)
                where list_contains(decision_makers.sources, 'survey') and status in ('active', 'restructuring') group by all),
            meant as (
                select distinct told.person_id, told.business_id, truth.person
                from enriched.enr_surveyed_links as told
                inner join read_parquet('{source}/truth/mentions/*.parquet') as truth using (mention_id)
                where told.valid_to is null),
            there as (
                select distinct business_id, person from read_parquet('{source}/truth/roles/{day}.parquet')
                where started_on <= $day and (ended_on is null or ended_on >= $day))
            select p, (there.person is not null)::double as is_there
            from links inner join meant using (person_id, business_id)
            left join there on meant.business_id = there.business_id and meant.person = there.person
            order by p, is_there""",
            {"day": day},
        ).fetchnumpy()
    p, there = np.asarray(found["p"], dtype=float), np.asarray(found["is_there"], dtype=float)
    slope, intercept, error = logistic(p, there)
    return Figures(
        day=day.isoformat(),
        people=len(p),
        mean_predicted=float(p.mean()),
        mean_observed=float(there.mean()),
        brier=float(((p - there) ** 2).mean()),
        brier_of_mean=float(there.mean() * (1 - there.mean())),
        slope=slope,
        slope_error=error,
        intercept=intercept,
        classes=classes(p, there),
    )


def logistic(p: Floats, happened: Floats) -> tuple[float, float, float]:
    """Slope, intercept and the slope's standard error of happened ~ logit(p), by Newton's method (Cox 1958). Right: 1 and 0."""
    bounded = np.clip(p, 1e-6, 1 - 1e-6)
    x = np.column_stack([np.ones_like(p), np.log(bounded / (1 - bounded))])
    b = np.zeros(2)
    for _ in range(50):
        q = 1 / (1 + np.exp(-x @ b))
        information = (x.T * (q * (1 - q))) @ x
        b = b + np.linalg.solve(information, x.T @ (happened - q))
    return float(b[1]), float(b[0]), float(np.sqrt(np.linalg.inv(information)[1, 1]))


def classes(p: Floats, happened: Floats, width: float = 0.1, least: int = 10) -> list[Class]:
    """The reliability diagram's points; classes of fewer than `least` people say nothing and are left out."""
    found = []
    for low in np.arange(0, 1, width):
        inside = (p >= low) & (p < low + width if low + width < 1 else p <= 1)
        if inside.sum() >= least:
            found.append(Class(float(p[inside].mean()), float(happened[inside].mean()), int(inside.sum())))
    return found


def draw(figures: Figures, path: Path) -> None:
    """The reliability diagram as SVG: the same figures give the same bytes."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "kohde"
    from matplotlib import pyplot as plt

    picture, (curve, bars) = plt.subplots(2, 1, figsize=(6, 7), height_ratios=(4, 1), sharex=True)
    curve.plot([0, 1], [0, 1], color="#999999", linestyle="--", label="right")
    predicted = [one.predicted for one in figures.classes]
    curve.plot(predicted, [one.observed for one in figures.classes], marker="o", color="#0b5394", label="p_current")
    curve.set(ylabel="share still there", xlim=(0, 1), ylim=(0, 1))
    curve.set_title(f"Who is still there: {figures.people:,} people, slope {figures.slope:.2f}, Brier {figures.brier:.3f}")
    curve.legend(loc="upper left")
    bars.bar(predicted, [one.people for one in figures.classes], width=0.05, color="#0b5394")
    bars.set(xlabel="p_current", ylabel="people")
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        picture.savefig(temporary, format="svg", metadata={"Date": None})
    plt.close(picture)


@contextmanager
def _timed(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
