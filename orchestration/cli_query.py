"""`kohde query`: the published marts, asked from the command line."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli_options import Json

ROWS_SHOWN = 100


class Form(StrEnum):
    """How an answer is given."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"
    xlsx = "xlsx"


def query(
    sql: Annotated[str | None, typer.Argument(help="Any DuckDB SELECT.")] = None,
    file: Annotated[
        str | None, typer.Option("--file", "-f", help="Read the SQL from this file; -: from standard input.")
    ] = None,
    restricted: Annotated[bool, typer.Option("--registry", help="Ask the restricted file with all columns.")] = False,
    marketing: Annotated[bool, typer.Option("--marketing", help="Ask the file of what may be used for marketing.")] = False,
    rows: Annotated[
        int | None, typer.Option(min=1, help=f"Rows at most; default: {ROWS_SHOWN} in a table on the screen, else all.")
    ] = None,
    form: Annotated[Form | None, typer.Option("--format", help="Default: what --out ends with, else table.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the answer into this file, whole or not at all.")] = None,
    as_json: Json = False,
) -> None:
    """Ask the published marts. Read-only, and closed to files, network and settings."""
    from base.refused import Refused
    from delivery import published
    from delivery.deliver import proven
    from ledger import store
    from orchestration import querying, settings, terminal

    if (sql is None) == (file is None):
        raise typer.BadParameter("one of an SQL text and --file")
    if restricted and marketing:
        raise typer.BadParameter("one of --registry and --marketing")
    told = _form(form, out, as_json)
    if out is None and told in querying.NEEDS_A_FILE:
        raise typer.BadParameter(f"{told} is written into a file: name one by --out", param_hint="--format")
    if out and out.resolve().is_relative_to(settings.home().resolve()):
        raise typer.BadParameter("the lake is no place for answers: one could take the place of the ledger", param_hint="--out")
    asked = querying.read_sql(file) if file else sql or ""
    if marketing and told != "table" and proven(settings.home()) != store.suppression_head(settings.home()).version:
        # A table is looked at and gone; whatever else is made to go on, and standard output may be a file.
        raise Refused("somebody has objected since the last publication: run `kohde publish` first")
    with published.connect(settings.home(), "registry" if restricted else "marketing" if marketing else "analyst") as db:
        if out:
            answer = querying.ask(db, asked, rows)
            found = querying.written(answer, out, told, is_shared=not (restricted or marketing))
            receipt = {"file": str(out), "rows": found}
            terminal.show(
                as_json,
                receipt,
                lambda console: console.print(f"{terminal.number(found)} row(s) in {terminal.escape(str(out))}"),
            )
        elif told == "csv":
            for text, _ in querying.csv_parts(querying.ask(db, asked, rows)):
                sys.stdout.write(text)
        elif told == "json":
            terminal.show(True, querying.records(querying.ask(db, asked, rows)), lambda console: None)
        else:
            shown = rows or ROWS_SHOWN
            answer = querying.ask(db, asked, shown + 1)
            lines = answer.fetchall()
            console = terminal.out()
            console.print(terminal.table(answer.columns, lines[:shown]))
            if len(lines) > shown:
                console.print(
                    f"... the first {terminal.number(shown)} rows, there are more: --rows N shows N, --out FILE takes all"
                )


def _form(form: Form | None, out: Path | None, as_json: bool) -> str:
    """The format asked for, or the one that the file's name ends with."""
    if as_json and out is None:
        if form not in (None, Form.json):
            raise typer.BadParameter(f"one of --json and --format {form}")
        return "json"
    if out is None:
        return form or "table"
    told = form or out.suffix.removeprefix(".").lower()
    from orchestration.querying import FORMATS

    if told not in FORMATS:
        raise typer.BadParameter(f"{out.name} ends with none of {', '.join(FORMATS)}: say --format", param_hint="--out")
    return told
