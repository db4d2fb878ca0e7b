"""`python -m bench.persons`: who is who, against the truth of a made-up Finland, with time and memory.

Generates (or takes with --source) a folder with several days of officers and surveys, lands them, builds the models of persons,
and compares every pair of mentions with truth/mentions: of the pairs we say are one person, how many are (precision); of those
that are, how many we found (recall). Apart from all pairs also those within the register and those between register and survey.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb

from base.files import write_text
from bench.national import ROOT, Step, run
from ingest import lake
from orchestration import settings
from orchestration.build import dbt_arguments

RESULTS = ROOT / "bench" / "results" / "persons.json"
MODELS = ["+responsible_persons", "+enr_person_of_mention", "+person_review", "+restricted_role_holders"]
TARGETS = {"precision": 0.995, "recall": 0.95}


def main() -> int:
    """Generate, land, build, compare, print and keep the figures; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organisations", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=4, help="how many days are landed")
    parser.add_argument("--every", type=int, default=90, help="how many days lie from one to the next")
    parser.add_argument("--source", type=Path, help="folder that `kohde synth` wrote")
    parser.add_argument("--home", type=Path, help="a lake where --source has landed already; only builds and compares")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where to write the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kohde-bench-") as scratch:
        source, home = options.source or Path(scratch) / "source", options.home or Path(scratch) / "lake"
        steps = []
        if not options.source:
            size = {
                "organisations": options.organisations,
                "seed": 1,
                "days": options.steps,
                "every": options.every,
                "out": source,
            }
            words = [word for name, value in size.items() for word in (f"--{name}", str(value))]
            steps.append(run("generate", kohde(), "synth", *words, home=home))
        if not options.home:
            steps += land(source, home)
        lake.prepare(home)
        arguments = [*dbt_arguments(home, full_refresh=True), "--indirect-selection", "cautious", "--select", *MODELS]
        steps.append(run("build persons", settings.executable("dbt"), *arguments, home=home))
        figures = compare(home, source)
        models = slowest(home)
    print(f"\n{'':<22}{'pairs said':>14}{'pairs true':>14}{'precision':>12}{'recall':>10}")
    for name, part in figures["pairs"].items():
        print(f"{name:<22}{part['said']:>14,}{part['true']:>14,}{part['precision']:>12.5f}{part['recall']:>10.5f}")
    print(f"mentions {figures['mentions']:,} of {figures['people']:,} people, said to be {figures['persons']:,}")
    for name, seconds in models.items():
        print(f"{name:<34}{seconds:>9.1f} s")
    write_text(options.json, json.dumps({"steps": [asdict(s) for s in steps], **figures, "models": models}, indent=1))
    missed = [name for name, target in TARGETS.items() if figures["pairs"]["all"][name] < target]
    print(f"missed: {', '.join(missed)}" if missed else "every target is met")
    return 1 if missed else 0


def kohde() -> str:
    """Our own command."""
    return str(Path(sys.executable).with_name("kohde"))


def land(source: Path, home: Path) -> list[Step]:
    """Surveys first: while no register is there, no organisation is unknown, and the register of officers lacks some."""
    steps = []
    for name in ("survey", "prh_officers"):
        for day in sorted((source / name).iterdir()):
            told = ["--from", str(day), "--date", day.name, "--accept-bounds", "bench"]
            steps.append(run(f"land {name} {day.name}", kohde(), "land", name, *told, home=home))
    return steps


def compare(home: Path, source: Path) -> dict[str, Any]:
    """Pairs of mentions we call one person, pairs that are, and both; counted by groups, never pair by pair."""
    truth = lake.literal(source / "truth" / "mentions" / "*.parquet")
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        con.execute(f"""
            create temp table told as
            select m.mention_id, m.kind, p.person_id, t.person
            from enriched.enr_person_of_mention as p
            join enriched.enr_person_mentions as m using (mention_id)
            join (select mention_id, min(person) as person from read_parquet({truth}) group by all) as t using (mention_id)
        """)
        parts = {}
        for name, kinds in {"all": None, "same register": ("role", "role"), "within surveys": ("report", "report"),
                            "register to survey": ("role", "report")}.items():  # fmt: skip
            said, true, both = (_pairs(con, by, kinds) for by in ("person_id", "person", "person_id, person"))
            parts[name] = {"said": said, "true": true, "both": both,
                           "precision": both / said if said else 1.0, "recall": both / true if true else 1.0}  # fmt: skip
        counted = con.execute("select count(*), count(distinct person), count(distinct person_id) from told").fetchall()[0]
        ties = con.execute(
            "select tied_by, count(*) from enriched.enr_person_of_mention group by all order by 2 desc"
        ).fetchall()
        unknown = con.execute(
            "select count(*) from enriched.enr_person_mentions where mention_id not in (select mention_id from told)"
        ).fetchall()[0][0]
    mentions, people, persons = counted
    return {"mentions": mentions, "people": people, "persons": persons, "without_truth": unknown, "pairs": parts,
            "tied_by": dict(ties)}  # fmt: skip


def _pairs(con: duckdb.DuckDBPyConnection, by: str, kinds: tuple[str, str] | None) -> int:
    """How many pairs of mentions share `by`; kinds: of which kinds the two are."""
    if kinds is None:
        count = "n * (n - 1) // 2"
    elif kinds[0] == kinds[1]:
        count = f"{kinds[0]}s * ({kinds[0]}s - 1) // 2"
    else:
        count = f"{kinds[0]}s * {kinds[1]}s"
    grouped = f"""select count(*)::bigint as n, count(*) filter (kind = 'role') as roles,
                         count(*) filter (kind = 'report') as reports from told group by {by}"""
    return int(con.execute(f"select coalesce(sum({count}), 0) from ({grouped})").fetchall()[0][0])


def slowest(home: Path, number: int = 12) -> dict[str, float]:
    """Model -> seconds of the build."""
    results = json.loads((settings.dbt_target(home) / "run_results.json").read_text())["results"]
    times = {r["unique_id"].split(".")[2]: round(r["execution_time"], 2) for r in results if r["unique_id"].startswith("model")}
    return dict(sorted(times.items(), key=lambda item: -item[1])[:number])


if __name__ == "__main__":
    sys.exit(main())
