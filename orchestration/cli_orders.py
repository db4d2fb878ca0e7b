"""Commands of orders and deliveries. Each calls one function and shows its result."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli_options import Json

if TYPE_CHECKING:
    from delivery.deliver import Delivered

order = typer.Typer(help="Standing orders of extract files.", no_args_is_help=True)
By = Annotated[str, typer.Option("--by", help="Who does it.")]
OrderId = Annotated[str, typer.Argument(help="Small letters, digits and hyphens; names its folder.")]
AcceptedBy = Annotated[str, typer.Option("--accepted-by", help="Who, on the recipient's side, accepted the terms in force.")]


@order.command("add")
def add_order(
    order_id: OrderId,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The order, YAML or JSON.")],
    recipient: Annotated[str, typer.Option(help="Who receives the files.")],
    accepted_by: AcceptedBy,
    by: By,
    as_json: Json = False,
) -> None:
    """Take an order, or a new wording of one. Its terms are accepted with it."""
    from orchestration import delivering, settings, terminal

    made = delivering.add(settings.home(), order_id, file, recipient, accepted_by, by)
    told = {
        "order": made.order_id,
        "recipient": made.recipient_id,
        "terms": made.accepted.terms,
        "schedule": made.spec.schedule,
    }
    when = made.spec.schedule or "made when asked"
    said = f"order {made.order_id} of {made.recipient_name}: {when}; terms {made.accepted.terms}"
    terminal.show(as_json, told, lambda console: console.print(terminal.escape(said)))


@order.command("list")
def list_orders(as_json: Json = False) -> None:
    """All orders as they are now, each with its last delivery."""
    from delivery import orders
    from ledger import orders as ledger
    from orchestration import settings, terminal

    home = settings.home()
    last = {row["order_id"]: row["delivery_id"] for row in ledger.history(home, what=["sent"])}
    columns = ("order_id", "recipient_id", "state", "mode", "format", "schedule", "accepted_by", "last_delivery")
    rows = [
        (one.order_id, one.recipient_id, one.state, one.spec.mode, one.spec.file.format, one.spec.schedule, one.accepted.by,
         last.get(one.order_id))
        for one in orders.every(home)
    ]  # fmt: skip
    told = [dict(zip(columns, row, strict=True)) for row in rows]
    terminal.show(as_json, {"orders": told}, lambda console: console.print(terminal.table(columns, rows)))


@order.command("state")
def order_state(
    order_id: OrderId,
    state: Annotated[str, typer.Argument(help="active, paused or ended; what has ended stays so.")],
    by: By,
    as_json: Json = False,
) -> None:
    """Pause an order, let it go on, or end it."""
    from ledger import orders
    from orchestration import settings, terminal

    orders.set_state(settings.home(), order_id, state, by_whom=by)
    told = {"order": order_id, "state": state}
    terminal.show(as_json, told, lambda console: console.print(f"order {order_id} is {state}"))


def extract(
    group: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The target group, YAML or JSON.")],
    recipient: Annotated[str, typer.Option(help="Who receives the file.")],
    file_format: Annotated[str, typer.Option("--format", help="xlsx, csv, jsonl or parquet.")] = "xlsx",
    language: Annotated[str, typer.Option(help="Of headers and values: fi, sv or en.")] = "fi",
    encoding: Annotated[str | None, typer.Option(help="Of a CSV: utf-8-sig, utf-8 or cp1252.")] = None,
    lists: Annotated[list[str] | None, typer.Option("--list", metavar="NAME=FILE", help="An own list of the group.")] = None,
    accepted_by: AcceptedBy = "whoever runs the command",
    by: By = "the command line",
    as_json: Json = False,
) -> None:
    """One file of a target group, now, into the lake's folder `deliveries`."""
    from base.refused import Refused
    from delivery.render import Profile
    from orchestration import delivering, settings

    try:
        profile = Profile.model_validate(
            {"format": file_format, "header_language": language, "value_language": language, "encoding": encoding}
        )
    except ValueError as error:
        raise Refused(f"the file cannot be so: {str(error).splitlines()[-2].strip()}") from None
    _show(as_json, [delivering.extract(settings.home(), group, recipient, profile, accepted_by, by, lists)])


def deliver(
    due: Annotated[bool, typer.Option("--due", help="What standing orders owe by now.")] = False,
    order_id: Annotated[str | None, typer.Option("--order", help="This order, now.")] = None,
    as_json: Json = False,
) -> None:
    """Make and send files. What was delivered is not delivered again. Ends with 1 when one could not be."""
    from base.refused import Refused
    from orchestration import delivering, settings, terminal

    if due == (order_id is not None):
        raise Refused("say --due, or which --order")
    if order_id is not None:
        _show(as_json, [delivering.run_one(settings.home(), order_id)])
        return
    told = delivering.run_due(settings.home())
    terminal.show(as_json, told, lambda console: _due(console, told))
    if told["failed"]:
        raise typer.Exit(1)


def _due(console: Any, told: dict[str, list[dict[str, Any]]]) -> None:
    from orchestration import terminal

    for one in told["delivered"]:
        console.print(
            terminal.escape(f"{one['delivery_id']}: {terminal.number(one['rows'])} rows, {one['sent_to'] or one['folder']}")
        )
    for one in told["failed"]:
        console.print(terminal.escape(f"{one['order_id']}: {one['why']}"))
    if not any(told.values()):
        console.print("nothing is due")


def recall(
    status: Annotated[bool, typer.Option("--status", help="Only who has not confirmed yet.")] = False,
    remind: Annotated[bool, typer.Option("--remind", help="Who is to be reminded today; it is written down.")] = False,
    confirm: Annotated[str | None, typer.Option(metavar="DELIVERY", help="Its recipient has done it.")] = None,
    recipient: Annotated[str | None, typer.Option(help="Who confirms.")] = None,
    as_json: Json = False,
) -> None:
    """Tell every recipient what they were given and may no longer use, or what was corrected."""
    from base.refused import Refused
    from delivery import recall as recalling
    from ledger import disclosures
    from orchestration import delivering, settings, terminal

    home = settings.home()
    if confirm is not None:
        if recipient is None:
            raise Refused("say which --recipient confirms")
        disclosures.acknowledge(home, confirm, recipient, "recalled")
        terminal.show(as_json, {"confirmed": confirm}, lambda console: console.print(f"{confirm} is confirmed"))
    elif status or remind:
        found = [one.to_dict() for one in (recalling.remind(home) if remind else recalling.unconfirmed(home))]
        columns = ("delivery_id", "recipient_id", "rows", "sent_at", "days", "reminders")
        rows = [[one[name] for name in columns] for one in found]
        terminal.show(as_json, {"unconfirmed": found}, lambda console: console.print(terminal.table(columns, rows)))
    else:
        _show(as_json, delivering.run_recall(home))


def licence(
    remind: Annotated[bool, typer.Option("--remind", help="Who is to be reminded now; it is written down.")] = False,
    destroyed: Annotated[str | None, typer.Option(metavar="DELIVERY", help="Its recipient has destroyed it.")] = None,
    recipient: Annotated[str | None, typer.Option(help="Who confirms.")] = None,
    as_json: Json = False,
) -> None:
    """Until when each delivered file may be used, and what has been destroyed."""
    from base.refused import Refused
    from delivery import licence as clock
    from ledger import disclosures
    from orchestration import settings, terminal

    home = settings.home()
    if destroyed is not None:
        if recipient is None:
            raise Refused("say which --recipient confirms")
        disclosures.acknowledge(home, destroyed, recipient, "destroyed")
        terminal.show(as_json, {"destroyed": destroyed}, lambda console: console.print(f"{destroyed} is destroyed"))
        return
    found = [one.to_dict() for one in (clock.remind(home) if remind else clock.every(home))]
    columns = ("delivery_id", "recipient_id", "valid_until", "state", "is_reminded")
    rows = [[one[name] for name in columns] for one in found]
    terminal.show(as_json, {"licences": found}, lambda console: console.print(terminal.table(columns, rows)))


def leak(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The leaked file, or one row of it.")],
    as_json: Json = False,
) -> None:
    """Which delivery a leaked file or row came from, and so who received it."""
    from delivery import decoys
    from orchestration import settings, terminal

    found = decoys.trace(settings.home(), decoys.read(file))
    columns = ("delivery_id", "recipient_id", "recipient_name", "by")
    rows = [(one.delivery_id, one.recipient_id, one.recipient_name, one.by) for one in found]
    told = [dict(zip(columns, row, strict=True)) for row in rows]
    nothing = "nothing in it is of a delivery of ours"
    terminal.show(
        as_json, {"deliveries": told}, lambda console: console.print(terminal.table(columns, rows) if rows else nothing)
    )


def _show(as_json: bool, delivered: "list[Delivered]") -> None:
    from orchestration import terminal

    columns = ("delivery", "recipient", "rows", "use until", "where")
    rows = [(one.delivery_id, one.recipient_id, one.rows, one.valid_until, one.sent_to or one.folder) for one in delivered]
    told = {"deliveries": [one.to_dict() for one in delivered]}
    terminal.show(
        as_json,
        told,
        lambda console: console.print(terminal.table(columns, rows) if rows else "nobody has to be told anything"),
    )
