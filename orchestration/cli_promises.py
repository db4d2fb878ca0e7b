"""Commands of the promises: the ledger, objections, notices, recipients. Each calls one function and shows its result."""

from pathlib import Path
from typing import Annotated, Any

import typer

from orchestration.cli_options import Json

ledger = typer.Typer(help="What has been promised and decided: check it, back it up, bring it back.", no_args_is_help=True)


@ledger.command()
def create(as_json: Json = False) -> None:
    """Make an empty ledger in a lake that was built before there were ledgers; never where one has been seen."""
    from ledger import store
    from orchestration import settings, terminal

    store.create(settings.home(), anyway=True)
    head = store.head(settings.home())
    terminal.show(as_json, {"head": head.version}, lambda console: console.print(f"the ledger is there, head {head.version}"))


@ledger.command()
def verify(as_json: Json = False) -> None:
    """Walk the chain: whether every row is as it was written, and none is missing. Ends with 1 when not."""
    from ledger import store
    from orchestration import settings, terminal

    faults, head = store.verify(settings.home()), store.head(settings.home())
    result = {"head": head.version, "entries": head.seq, "faults": faults}
    said = faults or [f"{terminal.number(head.seq)} entries, all as they were written; head {head.version}"]
    terminal.show(as_json, result, lambda console: console.print("\n".join(map(terminal.escape, said))))
    if faults:
        raise typer.Exit(1)


@ledger.command()
def backup(file: Annotated[Path, typer.Argument(help="A new file, such as ledger.jsonl.gz.")], as_json: Json = False) -> None:
    """Copy the ledger into one file, as it is at one moment; writers may go on. Keep the secret's copy apart from it."""
    from ledger import backup
    from orchestration import settings, terminal

    head = backup.backup(settings.home(), file)
    result = {"file": str(file.resolve()), "head": head.version, "entries": head.seq}
    terminal.show(as_json, result, lambda console: console.print(f"{file}: {head.seq} entries, head {head.version}"))


@ledger.command()
def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Written by `kohde ledger backup`.")],
    accept_loss: Annotated[
        str | None, typer.Option(metavar="REASON", help="Take a backup that is older than what this lake has seen.")
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Who decides.")] = "restore",
    as_json: Json = False,
) -> None:
    """Fill an empty or missing ledger from a backup. What the lake's last snapshot has of objections is never lost."""
    from ingest.sources.ledger import loader
    from ledger import backup
    from orchestration import settings, terminal

    home = settings.home()
    head = backup.restore(home, file, accept_loss=accept_loss, landed=loader.landed(home), by_whom=by)
    result = {"file": str(file.resolve()), "head": head.version, "entries": head.seq}
    terminal.show(as_json, result, lambda console: console.print(f"the ledger has {head.seq} entries, head {head.version}"))


def rotate(as_json: Json = False) -> None:
    """Add a version to the secret and wrap every key and id of the ledger with it; the next build wraps the others."""
    from ledger import rotation
    from orchestration import settings, terminal

    version = rotation.rotate(settings.home())

    def render(console: Any) -> None:
        console.print(f"all keys are of version {version}; keep a copy of the secret elsewhere, then `kohde build`")

    terminal.show(as_json, {"version": version}, render)
