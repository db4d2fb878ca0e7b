"""Options that commands of several files take."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
By = Annotated[str, typer.Option("--by", help="Who decides.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the decision.")]
PersonId = Annotated[str | None, typer.Option("--person-id", help="Their id in the marts.")]
