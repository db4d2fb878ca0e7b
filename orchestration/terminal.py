"""What a person sees: one voice for all commands. Results go to stdout, everything else to stderr."""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

Listener = Callable[[str, int, int | None], None]
"""Told (what, done so far, total or None) as work goes on; the shape of ingest.lake.Progress."""

PLAIN_EVERY_S = 5.0
# Wide enough that nothing is cut when the output is a file or a pipe: there is no screen to fit.
NO_SCREEN = 10_000


def out() -> Console:
    """Console for results. Made anew each time, since tests and the demo exchange stdout."""
    return Console(width=None if sys.stdout.isatty() else NO_SCREEN, highlight=False, soft_wrap=not sys.stdout.isatty())


def err() -> Console:
    """Console for progress and complaints."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def fail(message: str) -> None:
    """One clear line on stderr."""
    err().print(f"[bold red]kohde:[/] {escape(' '.join(message.split()))}")


def command() -> str:
    """How to call `kohde` again from here: by name where the shell would find this very one, else by its path."""
    here = Path(sys.executable).with_name("kohde")
    if shutil.which("kohde") == str(here):
        return "kohde"
    return str(here.relative_to(Path.cwd())) if here.is_relative_to(Path.cwd()) else str(here)


def escape(text: str) -> str:
    """Text of others, so that a square bracket in it is not taken for markup."""
    from rich.markup import escape

    return escape(text)


def show(as_json: bool, data: Any, render: Callable[[Console], None]) -> None:
    """Print one result: as JSON for programs, or rendered for people."""
    if as_json:
        sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2, default=str) + "\n")
    else:
        render(out())


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> Table:
    """A plain table; numbers stand to the right, a null is an empty cell."""
    rows = [list(row) for row in rows]
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for position, name in enumerate(columns):
        values = [row[position] for row in rows if row[position] is not None]
        is_number = bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        made.add_column(escape(name), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        made.add_row(*("" if value is None else escape(number(value)) for value in row))
    return made


def number(value: Any) -> str:
    """A count with a thin gap between thousands; other values as they are. Years and ids are texts in our results."""
    return f"{value:,}".replace(",", " ") if isinstance(value, int) and not isinstance(value, bool) else str(value)


@contextmanager
def progress(shown: bool = True) -> Iterator[Listener]:
    """A progress listener: bars on a terminal, a plain line now and then elsewhere, nothing when not `shown`."""
    if not shown:
        yield lambda what, done, total: None
        return
    console = err()
    if not console.is_terminal:
        yield _plain(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def listen(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(escape(what), total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield listen


def _plain(console: Console) -> Listener:
    said: dict[str, float] = {}

    def listen(what: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if what not in said or now - said[what] >= PLAIN_EVERY_S or done == total:
            said[what] = now
            console.print(f"{escape(what)}: {number(done)}{f' of {number(total)}' if total else ''}")

    return listen


@contextmanager
def chatter_to(log: Path) -> Iterator[Console]:
    """Send everything this process and its children print into `log`; yields a console that still reaches the terminal.

    At the level of file descriptors, because dbt and Dagster write through loggers, C code and child processes alike.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with log.open("ab") as file, os.fdopen(os.dup(kept[1]), "w") as screen:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield Console(file=screen, highlight=False, soft_wrap=True)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(kept[0], 1)
            os.dup2(kept[1], 2)
            os.close(kept[0])
            os.close(kept[1])
