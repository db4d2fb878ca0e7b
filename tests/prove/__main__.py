"""`make prove`: each promise by as many trials as it takes to believe it; prints promise, trials, failures.

`--only NAME` runs one; `--share 0.01` a hundredth of the trials; `--of MODEL` the mutants of one model or module; `--into FILE`
writes what becomes of each mutant into a file, and does not try again what the file says was noticed.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from tests.prove import judging
from tests.prove.judging import Chosen, Outcome

STEPS, PEOPLE, ROUNDS = 100_000, 500, 20
OBJECTORS = 400


class Result(NamedTuple):
    """What a proof found. `notes`: figures beside the count, and each failure in a line."""

    trials: int
    failures: int
    notes: list[str]


def stories(chosen: Chosen) -> Result:
    """Interleavings of what happens to people, 100,000 steps."""
    from tests.prove import stories as told

    done, failures, notes, seed = 0, 0, [], 0
    asked: dict[str, int] = {}
    while done < STEPS * chosen.share:
        seed += 1
        people = min(PEOPLE, max(40, int((STEPS * chosen.share - done) / ROUNDS)))
        try:
            steps = told.trial(chosen.scratch / f"world{seed}", people, ROUNDS, seed)
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


def gate_mutants(chosen: Chosen) -> Result:
    """Every mutant of the gates' SQL has to be noticed by their tests."""
    from tests.prove import gates

    return _mutants(judging.run(gates.__name__, chosen), gates.is_known)


def python_mutants(chosen: Chosen) -> Result:
    """Every mutant of the keys, the objections and the normal forms has to be noticed by their tests."""
    from tests.prove import python_mutants as judged

    return _mutants(judging.run(judged.__name__, chosen), judged.is_known)


def _mutants(outcomes: Iterable[Outcome], is_known: Callable[[Outcome], bool]) -> Result:
    """What became of mutants, told as it goes: a run that is cut off has told what it knows."""
    done, known, survivors, noticed = 0, 0, list[str](), Counter[str]()
    for done, one in enumerate(outcomes, start=1):
        if one.noticed is not None:
            noticed["do not run" if one.noticed == judging.BROKEN else "are noticed"] += 1
        elif is_known(one):
            known += 1
        else:
            survivors.append(f"{one.of}: {one.what}")
            print(f"  survived: {survivors[-1]}", flush=True)
        if done % 100 == 0:
            print(f"  {done} mutants", flush=True)
    told = ", ".join(f"{times} {how}" for how, times in noticed.items())
    return Result(done, len(survivors), [f"{told}, {known} are known to mean nothing", *survivors])


def over_suppression(chosen: Chosen) -> Result:
    """Of labelled look-alikes of people who object next to none is withheld. Fails beyond half a percent."""
    from tests.prove import alike

    found = alike.measured(chosen.scratch, max(16, int(OBJECTORS * chosen.share)), seed=1)
    withheld, asked = alike.share(found)
    notes = [f"{withheld} of {asked} withheld ({withheld / asked:.2%}; at most {alike.MOST:.1%})"]
    for kind, counts in found.items():
        reason = f" (not told apart: {alike.NOT_TOLD_APART[kind]})" if kind in alike.NOT_TOLD_APART else ""
        notes.append(f"{kind}: {', '.join(f'{times} {gate}' for gate, times in counts.items())}{reason}")
    return Result(asked, withheld if withheld > alike.MOST * asked else 0, notes)


PROOFS: dict[str, tuple[str, Callable[[Chosen], Result]]] = {
    "stories": ("nobody who objected is in marketing, whatever happens to them", stories),
    "over-suppression": ("an objection withholds next to nobody who only looks like the objector", over_suppression),
    "gate-mutants": ("the tests of the gates notice every error in them", gate_mutants),
    "python-mutants": ("the tests of keys and normal forms notice every error in them", python_mutants),
}


def main() -> None:
    """Run the proofs and print the table; ends with 1 at any failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PROOFS)
    parser.add_argument("--share", type=float, default=1.0, help="of the trials, such as 0.01")
    parser.add_argument("--of", help="mutants of one model or module only")
    parser.add_argument("--into", type=Path, help="a file of what became of mutants, begun or gone on with")
    chosen = parser.parse_args()
    os.environ.setdefault("KOHDE_SECRET", "5e" * 32)
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    lines, failed = [], False
    for name, (promise, prove) in PROOFS.items():
        if chosen.only in (None, name):
            print(f"{name}: {promise}", flush=True)
            started = time.monotonic()
            with tempfile.TemporaryDirectory(prefix="kohde-prove-") as scratch:
                found = prove(Chosen(Path(scratch), chosen.of, chosen.share, into=chosen.into))
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
