"""Mutants judged in processes of their own, each a part of them, and what becomes of each written down at once.

A run of hours may be cut off: with a file to write into, the next one takes from it what was noticed and judges the rest. An
outcome is that of one text: of a model or module that has changed since, every mutant is a new one.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

ROOT = Path(__file__).parents[2]
PROCESSES = 2
BROKEN = "it does not run"
M = TypeVar("M")


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: `noticed` by which test, or how it stopped; None when by none. `of`: its model or module."""

    of: str
    what: str
    noticed: str | None
    digest: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Chosen:
    """Which mutants: of one model or module only, every so many (share), every process its part; `into`: where to write."""

    scratch: Path
    of: str | None = None
    share: float = 1.0
    part: int = 0
    parts: int = 1
    into: Path | None = None

    def some(self, every: Iterable[M]) -> list[M]:
        """Those of the mutants that are to be judged here."""
        chosen = list(every)
        return chosen[:: max(1, round(1 / self.share))][self.part :: self.parts]


def judged(chosen: Chosen, mutants: Iterable[M], text: Callable[[M], str], judge: Callable[[M], Outcome]) -> Iterator[Outcome]:
    """Judge each, unless it is known to be noticed."""
    known = _known(chosen.into)
    for mutant in mutants:
        digest = hashlib.sha256(text(mutant).encode()).hexdigest()[:16]
        if told := known.get(digest):
            yield told
            continue
        started = time.monotonic()
        told = judge(mutant)
        told = Outcome(told.of, told.what, told.noticed, digest, round(time.monotonic() - started, 2))
        if chosen.into:
            with chosen.into.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(told)) + "\n")
        yield told


def _known(into: Path | None) -> dict[str, Outcome]:
    if into is None or not into.exists():
        return {}
    lines = [Outcome(**json.loads(line)) for line in into.read_text(encoding="utf-8").splitlines()]
    return {one.digest: one for one in lines if one.noticed}


def run(module: str, chosen: Chosen) -> Iterator[Outcome]:
    """The outcomes of a module's mutants (`main` of gates.py, python_mutants.py) as they come, from two processes.

    Raises RuntimeError when one of them stops early.
    """
    told: SimpleQueue[str | None] = SimpleQueue()

    def read(process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            told.put(line)
        told.put(None)

    with ExitStack() as stack:
        processes = []
        for part in range(PROCESSES):
            scratch = chosen.scratch / str(part)
            scratch.mkdir(parents=True)
            command = [sys.executable, "-m", module, "--scratch", str(scratch), "--share", str(chosen.share)]
            command += ["--part", str(part), "--parts", str(PROCESSES)]
            command += ["--of", chosen.of] if chosen.of else []
            command += ["--into", str(chosen.into)] if chosen.into else []
            process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT))
            processes.append(process)
            Thread(target=read, args=(process,)).start()
        for _ in processes:
            while (line := told.get()) is not None:
                yield Outcome(**json.loads(line))
    if any(process.returncode for process in processes):
        raise RuntimeError(f"{module}: the mutants were not all judged")


def main(judge: Callable[[Chosen], Iterator[Outcome]]) -> None:
    """The command line of a module of mutants: what becomes of each as a line of JSON on standard output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--of", help="a model or module")
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--parts", type=int, default=1)
    parser.add_argument("--into", type=Path)
    parser.add_argument("--scratch", type=Path)
    given = vars(parser.parse_args())
    with tempfile.TemporaryDirectory(prefix="kohde-prove-") as scratch:
        for outcome in judge(Chosen(**given | {"scratch": given["scratch"] or Path(scratch)})):
            print(json.dumps(asdict(outcome)), flush=True)
