"""The command that keeps a customer's register true: calls one function and shows its result."""

from pathlib import Path
from typing import Annotated, Any

import typer

from orchestration.cli_options import Json


def refresh(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The customer's register, CSV or XLSX, as it is.")],
    recipient: Annotated[str, typer.Option(help="Whose register it is, as `kohde recipient list` has it.")],
    out: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Where the answer's folder goes; default: deliveries/RECIPIENT of the lake."),
    ] = None,
    language: Annotated[str, typer.Option(help="Of the answer: fi, sv or en.")] = "fi",
    as_json: Json = False,
) -> None:
    """Match a customer's register with ours: who was found, what has changed, who objects, what can be filled in."""
    from dataclasses import asdict

    from delivery.refresh import refreshing
    from orchestration import settings, terminal

    made = refreshing.refresh(settings.home(), file, recipient, out, language)
    told = made.summary
    result = {"folder": str(made.folder.resolve()), "files": made.files, "summary": asdict(told)}

    def render(console: Any) -> None:
        counts = {"rows": told.rows, **told.results, **told.changes, "kielto": told.kielto, "duplicates": told.duplicates}
        counts |= {f"filled in: {field}": number for field, number in told.filled_in.items() if number}
        console.print(terminal.table(("what", "rows"), list(counts.items())))
        console.print(f"{told.marketable['rows']} row(s), {told.marketable['share']:.1%}, may be marketed to")
        for warning in told.warnings:
            console.print(terminal.escape(warning))
        console.print(f"answer in {terminal.escape(str(made.folder))}")

    terminal.show(as_json, result, render)
