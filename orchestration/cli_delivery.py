"""Commands of what leaves the house. Each calls one function and shows its result."""

from pathlib import Path
from typing import Annotated, Any

import typer

from orchestration.cli_options import Json


def count(
    group: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The target group, YAML or JSON.")],
    recipient: Annotated[str | None, typer.Option(help="Whose objections and past deliveries count.")] = None,
    by: Annotated[list[str] | None, typer.Option("--by", help="Break down by this; may be given twice.")] = None,
    lists: Annotated[list[str] | None, typer.Option("--list", metavar="NAME=FILE", help="An own list of the group.")] = None,
    exact: Annotated[bool, typer.Option("--exact", help="For the house: small losses too, also when counted for one.")] = False,
    as_json: Json = False,
) -> None:
    """How many a target group reaches, and at which gate the others fell."""
    from orchestration import settings, targeting, terminal

    told = targeting.count(settings.home(), group, recipient=recipient, by=by, lists=lists, exact=exact)
    terminal.show(as_json, told, lambda console: _show_count(console, told))


def _show_count(console: Any, told: dict[str, Any]) -> None:
    from delivery.counting import GATES, SMALL_COUNTS
    from orchestration import terminal

    of_all, lost = ({line["gate"]: line["count"] for line in told[which]} for which in ("waterfall", "matching"))
    rows: list[list[Any]] = []
    for gate in ("POPULATION", *GATES, SMALL_COUNTS, "RESULT"):
        everybody, matching = of_all.get(gate), lost.get("MATCHING" if gate == "POPULATION" else gate)
        if everybody or matching or gate in ("POPULATION", "RESULT"):
            sign = 1 if gate in ("POPULATION", "RESULT") else -1
            rows.append([gate, *(None if count is None else sign * count for count in (everybody, matching))])
    console.print(terminal.table(("gate", "of all", "of those that match"), rows, title=terminal.escape(told["name"])))
    bounce = told["expected_bounce"]
    mail = f"; {terminal.number(told['email_recipients'])} by e-mail, {bounce:.1%} may bounce" if bounce is not None else ""
    console.print(f"available {terminal.number(told['available'])}, new to you {terminal.number(told['new_to_you'])}{mail}")
    for note in told["notes"]:
        console.print(terminal.escape(note))
    if told["cells"]:
        cells = [[*("not known" if v is None else v for v in c["values"]), "hidden" if c["count"] is None else c["count"]]
                 for c in told["cells"] if c["count"] != 0]  # fmt: skip
        console.print(terminal.table((*told["by"], "available"), cells))
