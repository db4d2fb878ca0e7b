"""`make prove`: each promise by as many trials as it takes to believe it; prints promise, trials, failures.

Hours on two cores. `--only NAME` runs one; `--share 0.01` a hundredth of the trials.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

STEPS, PEOPLE, ROUNDS = 100_000, 500, 20


class Result(NamedTuple):
    """What a proof found. `notes`: figures beside the count, and each failure in a line."""

    trials: int
    failures: int
    notes: list[str]


def stories(scratch: Path, share: float) -> Result:
    """Interleavings of what happens to people, 100,000 steps."""
    from tests.prove import stories as told

    done, failures, notes, seed = 0, 0, [], 0
    asked: dict[str, int] = {}
    while done < STEPS * share:
        seed += 1
        people = min(PEOPLE, max(40, int((STEPS * share - done) / ROUNDS)))
        try:
            steps = told.trial(scratch / f"world{seed}", people, ROUNDS, seed)
        except AssertionError as leak:
            failures += 1
            notes.append(f"seed {seed}: {str(leak).splitlines()[0]}")
            steps = None
        for name, times in (steps or {}).items():
            asked[name] = asked.get(name, 0) + times
        done += people * ROUNDS
        # As it goes: a run that is cut off has told what it knows.
        print(f"  world {seed}: {done} steps, {failures} leaks; {'; '.join(_shares(asked))}", flush=True)
    return Result(done, failures, notes + _shares(asked))


def _shares(asked: dict[str, int]) -> list[str]:
    """What was done in the stories so far, and how many who should be shown were withheld."""
    told = [f"{what} {asked.get(what, 0)}" for what in ("objects", "erased", "files delivered", "rows delivered")]
    for what, whole in (("silent people", "silent people asked for"), ("namesakes", "namesakes of objectors")):
        if asked.get(whole):
            share = 1 - asked[f"{what} shown"] / asked[whole]
            told.append(f"{what} shown {asked[f'{what} shown']} of {asked[whole]} ({share:.3%} withheld)")
    return told


def gate_mutants(scratch: Path, share: float) -> Result:
    """Every mutant of the gates' SQL has to be noticed by their tests."""
    from tests.prove import gates

    with gates.built(scratch) as world:
        trial = gates.Trial(world)
        every = list(trial.mutants())
        chosen = every if share >= 1 else gates.sample(every, int(len(every) * share), seed=1)
        outcomes = []
        for number, mutant in enumerate(chosen, start=1):
            outcomes.append(trial.judge(mutant))
            if outcomes[-1].survived:
                print(f"  survived: {mutant.model}: {mutant.what}", flush=True)
            if number % 100 == 0:
                print(f"  {number} of {len(chosen)} mutants", flush=True)
    known = [one for one in outcomes if not one.noticed and not one.broken and not one.survived]
    broken = sum(one.broken for one in outcomes)
    survivors = [one for one in outcomes if one.survived]
    notes = [
        f"{len(outcomes) - broken - len(known)} run and mean something, {broken} do not run, {len(known)} known to mean nothing"
    ]
    return Result(len(outcomes), len(survivors), notes + [f"{one.mutant.model}: {one.mutant.what}" for one in survivors])


def python_mutants(scratch: Path, share: float) -> Result:
    """Every mutant of the keys, the objections and the normal forms has to be noticed by their tests."""
    from tests.prove import python_mutants as judged

    known, outcomes = judged.equivalent(), []
    for one in judged.run(scratch, share):
        outcomes.append(one)
        if not one.noticed and (one.module, one.what) not in known:
            print(f"  survived: {one.module}: {one.what}", flush=True)
        if len(outcomes) % 100 == 0:
            print(f"  {len(outcomes)} mutants", flush=True)
    unnoticed = [one for one in outcomes if not one.noticed]
    survivors = [one for one in unnoticed if (one.module, one.what) not in known]
    notes = [f"{len(unnoticed) - len(survivors)} known to mean nothing"]
    return Result(len(outcomes), len(survivors), notes + [f"{one.module}: {one.what}" for one in survivors])


PROOFS: dict[str, tuple[str, Callable[[Path, float], Result]]] = {
    "stories": ("nobody who objected is in marketing, whatever happens to them", stories),
    "gate-mutants": ("the tests of the gates notice every error in them", gate_mutants),
    "python-mutants": ("the tests of keys and normal forms notice every error in them", python_mutants),
}


def main() -> None:
    """Run the proofs and print the table; ends with 1 at any failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PROOFS)
    parser.add_argument("--share", type=float, default=1.0, help="of the trials, such as 0.01")
    chosen = parser.parse_args()
    os.environ.setdefault("KOHDE_SECRET", "5e" * 32)
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    lines, failed = [], False
    for name, (promise, prove) in PROOFS.items():
        if chosen.only in (None, name):
            print(f"{name}: {promise}", flush=True)
            started = time.monotonic()
            with tempfile.TemporaryDirectory(prefix="kohde-prove-") as scratch:
                found = prove(Path(scratch), chosen.share)
            failed |= found.failures > 0
            lines.append((promise, found, time.monotonic() - started))
    print(f"\n{'promise':<70}{'trials':>9}{'failures':>10}{'minutes':>9}")
    for promise, found, seconds in lines:
        print(f"{promise:<70}{found.trials:>9}{found.failures:>10}{seconds / 60:>9.1f}")
        for note in found.notes:
            print(f"    {note}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
