"""Commands of Poimintapalvelu: who may use it, and running it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from orchestration.cli_options import By, Json

access = typer.Typer(help="Who may use Poimintapalvelu: keys of programs, people who sign in.", no_args_is_help=True)


def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8000,
    host: Annotated[str, typer.Option(help="Another address than this machine's needs KOHDE_SERVICE_URL.")] = "127.0.0.1",
) -> None:
    """Poimintapalvelu: the page and the API, on this machine; a proxy with HTTPS in front of it for everybody else."""
    from orchestration import serving, settings

    serving.run(settings.home(), port, host, lambda url: typer.echo(f"Poimintapalvelu: {url}   (Ctrl-C ends it)"))


@access.command("add")
def add_access(
    label: Annotated[str, typer.Argument(help="What to call it.")],
    role: Annotated[str, typer.Option(help="user or admin of a recipient; officer or operator of ours.")],
    recipient: Annotated[str | None, typer.Option(help="Whose; none for our own people.")] = None,
    email: Annotated[str | None, typer.Option(help="Of a person who signs in; without it a key is made.")] = None,
    issuer: Annotated[str | None, typer.Option(help="Where they sign in; default: KOHDE_OIDC_ISSUER.")] = None,
    days: Annotated[int, typer.Option(min=1, max=730, help="After so many a key ends by itself.")] = 365,
    *,
    by: By,
    as_json: Json = False,
) -> None:
    """Let somebody in. A key is shown once, now; nobody can read it from the ledger later."""
    from base.refused import Refused
    from delivery.service import settings as service
    from ledger import access as ledger
    from orchestration import settings, terminal

    home = settings.home()
    if email is None:
        until = (datetime.now(UTC) + timedelta(days=days)).replace(tzinfo=None)
        key = ledger.add_key(home, role, label, recipient_id=recipient, expires_at=until, by_whom=by)
        told = {"access_id": key.split("_")[1], "key": key, "expires_at": until.isoformat()}
        terminal.show(
            as_json, told, lambda console: console.print(f"{key}\n(shown once; ends {until:%Y-%m-%d})", soft_wrap=True)
        )
        return
    oidc = service.load().oidc
    where = issuer or (oidc.issuer if oidc else None)
    if where is None:
        raise Refused("say with --issuer where the person signs in, or set KOHDE_OIDC_ISSUER")
    access_id = ledger.add_account(home, role, label, where, email, recipient_id=recipient, by_whom=by)
    terminal.show(as_json, {"access_id": access_id}, lambda console: console.print(f"access {access_id} is written down"))


@access.command("list")
def list_access(as_json: Json = False) -> None:
    """Everybody and everything that may, or might once, use the service."""
    from ledger import access as ledger
    from orchestration import settings, terminal

    found = ledger.every(settings.home())
    columns = ("access_id", "kind", "role", "recipient_id", "label", "state", "expires_at")
    rows: list[list[Any]] = [[one[name] for name in columns] for one in found]
    told = [{name: one[name] for name in columns} for one in found]
    terminal.show(as_json, {"access": told}, lambda console: console.print(terminal.table(columns, rows)))


@access.command("end")
def end_access(
    access_id: Annotated[str, typer.Argument(help="As `access list` tells it.")], *, by: By, as_json: Json = False
) -> None:
    """Let nobody in by it any more."""
    from ledger import access as ledger
    from orchestration import settings, terminal

    ledger.end(settings.home(), access_id, by_whom=by)
    terminal.show(as_json, {"ended": access_id}, lambda console: console.print(f"access {access_id} has ended"))
