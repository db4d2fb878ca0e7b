"""Commands of the promises: the ledger, objections, notices, recipients. Each calls one function and shows its result."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli_options import Json, PersonId

if TYPE_CHECKING:
    from ledger.subjects import Told

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


objection = typer.Typer(help="What somebody has forbidden.", no_args_is_help=True)
By = Annotated[str, typer.Option("--by", help="Who writes it down.")]
Evidence = Annotated[str, typer.Option(help="Where it is kept, such as a letter's number; never what it says.")]
Origin = Annotated[str, typer.Option(help="Who says it: person, organisation, customer, registry or list.")]
Party = Annotated[str | None, typer.Option(help="Which customer, registry or list: only the same one can end it.")]
Email = Annotated[str | None, typer.Option(help="In any spelling.")]
Phone = Annotated[str | None, typer.Option(help="In any spelling.")]
Name = Annotated[str | None, typer.Option(help="Of a person; with --business-id, --birth-date or --domain.")]
BusinessId = Annotated[str | None, typer.Option(help="Where the person works, or the organisation itself.")]
BirthDate = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Of the person.")]
Domain = Annotated[str | None, typer.Option(help="An organisation's own.")]


def _told(
    email: str | None, phone: str | None, name: str | None, business_id: str | None, birth_date: datetime | None,
    domain: str | None, person: str | None = None, address: str | None = None, postcode: str | None = None,
) -> "Told":  # fmt: skip
    from ledger.subjects import Told

    return Told(
        email=email, phone=phone, name=name, business_id=business_id, birth_date=birth_date.date() if birth_date else None,
        domain=domain, person_id=person, address=address, postcode=postcode,
    )  # fmt: skip


@objection.command()
def add(
    *,
    email: Email = None,
    phone: Phone = None,
    name: Name = None,
    business_id: BusinessId = None,
    birth_date: BirthDate = None,
    domain: Domain = None,
    person: PersonId = None,
    organisation: Annotated[str | None, typer.Option(help="The whole organisation objects: its business id.")] = None,
    address: Annotated[str | None, typer.Option(help="Street and number, or box; with --postcode.")] = None,
    postcode: Annotated[str | None, typer.Option(help="Five digits.")] = None,
    scope: Annotated[str | None, typer.Option(help="person, organisation, domain, phone, email or address.")] = None,
    purpose: Annotated[str, typer.Option(help="marketing, survey, profiling or all.")] = "marketing",
    channel: Annotated[str | None, typer.Option(help="email, phone or post only; default: all.")] = None,
    recipient: Annotated[str | None, typer.Option(help="Only against this recipient; default: everybody.")] = None,
    origin: Origin = "person",
    party: Party = None,
    received: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="When it came (UTC); default: now.")
    ] = None,
    evidence: Evidence,
    by: By,
    as_json: Json = False,
) -> None:
    """Write an objection down: it counts at once, also for what is being written now. Answers whom it hit, who has the data."""
    from dataclasses import asdict

    from ledger.objections import Saying
    from orchestration import objecting, settings, terminal

    told = _told(email, phone, name, organisation or business_id, birth_date, domain, person, address, postcode)
    wide = scope or ("organisation" if organisation else objecting.scope_of(told))
    answer = objecting.add(
        settings.home(),
        Saying(
            told, evidence, by, scope=wide, purpose=purpose, channel=channel, recipient=recipient, origin=origin, party=party,
            received_at=received,
        ),
    )  # fmt: skip

    def render(console: Any) -> None:
        console.print(f"objection {answer.objection_id} counts from now on")
        if answer.looked_in is None:
            console.print("nothing is published yet that it could be looked for in")
        elif not answer.hits:
            console.print(f"it finds nobody in version {answer.looked_in}; it counts for whoever turns up")
        else:
            rows = [(kind, hit["persons"], hit["places"]) for kind, hit in answer.hits.items()]
            console.print(terminal.table(("found by", "persons", "places"), rows))
            console.print(f"{answer.added_keys} key(s) of {answer.persons} person(s) are kept with it")
        if answer.disclosures:
            given = [
                (d["recipient_name"], d["recipient_business_id"], d["file"], d["disclosed_at"]) for d in answer.disclosures
            ]
            console.print(terminal.table(("recipient", "business id", "file", "given on"), given))

    terminal.show(as_json, asdict(answer), render)


@objection.command("list")
def list_objections(
    all_: Annotated[bool, typer.Option("--all", help="Those that were revoked too.")] = False, as_json: Json = False
) -> None:
    """What stands, without whom it is about: nobody can read that from the ledger."""
    from ledger import objections
    from orchestration import settings, terminal

    hidden = ("party", "reference", "salt", "sealed", "seq")
    found = [
        {column: value for column, value in row.items() if column not in hidden}
        for row in objections.every(settings.home())
        if all_ or row["revoked_at"] is None
    ]
    columns = ("objection_id", "kind", "scope", "purpose", "channel", "recipient_id", "origin", "received_at", "revoked_at")
    rows = [[str(row[column]) if column == "objection_id" else row[column] for column in columns] for row in found]
    terminal.show(as_json, found, lambda console: console.print(terminal.table(columns, rows) if rows else "nobody objects"))


@objection.command()
def revoke(
    objection_id: Annotated[int, typer.Argument(help="As `kohde objection list` numbers it.")],
    *,
    email: Email = None,
    phone: Phone = None,
    name: Name = None,
    business_id: BusinessId = None,
    birth_date: BirthDate = None,
    domain: Domain = None,
    person: PersonId = None,
    address: Annotated[str | None, typer.Option(help="With --postcode.")] = None,
    postcode: Annotated[str | None, typer.Option(help="Five digits.")] = None,
    origin: Origin = "person",
    party: Party = None,
    evidence: Evidence,
    by: By,
    as_json: Json = False,
) -> None:
    """End an objection, said by who had made it: something the person was known by, or the party."""
    from ledger import objections
    from orchestration import settings, terminal

    told = _told(email, phone, name, business_id, birth_date, domain, person, address, postcode)
    number = objections.revoke(
        settings.home(), objection_id, origin=origin, told=told, party=party, evidence=evidence, by_whom=by
    )
    result = {"objection": objection_id, "revocation": number}
    terminal.show(as_json, result, lambda console: console.print(f"objection {objection_id} has ended"))


@objection.command("import")
def import_list(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV or XLSX, one objection a row.")],
    *,
    origin: Origin = "list",
    party: Party = None,
    purpose: Annotated[str, typer.Option(help="Where a row says none: marketing, survey, profiling or all.")] = "marketing",
    by: By,
    as_json: Json = False,
) -> None:
    """Take a list of objections, row by row; the same file twice adds nothing. Ends with 1 when a row was refused."""
    from dataclasses import asdict

    from orchestration import objecting, settings, terminal

    receipts = objecting.take_list(settings.home(), file, origin=origin, party=party, by_whom=by, purpose=purpose)
    refused = [receipt for receipt in receipts if receipt.outcome == "refused"]

    def render(console: Any) -> None:
        console.print(", ".join(f"{number} {outcome}" for outcome, number in objecting.counted(receipts).items()) or "no rows")
        if refused:
            console.print(terminal.table(("row", "refused, because"), [(str(one.row), one.reason) for one in refused]))

    result = {"counts": objecting.counted(receipts), "rows": [asdict(receipt) for receipt in receipts]}
    terminal.show(as_json, result, render)
    if refused:
        raise typer.Exit(1)


@objection.command()
def review(
    decision: Annotated[
        tuple[int, str] | None, typer.Argument(metavar="[OBJECTION PERSON]", help="As the list has them; left out: the list.")
    ] = None,
    decide: Annotated[str | None, typer.Option(help="same or not-same.")] = None,
    by: Annotated[str | None, typer.Option("--by", help="Who decides.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why; it is kept with the decision.")] = None,
    as_json: Json = False,
) -> None:
    """Who waits because of an objector's name at another employer; with --decide, whether the two are one."""
    from ledger import objections
    from orchestration import objecting, settings, terminal

    if decide is None:
        found = objecting.waiting(settings.home())
        rows = [(str(row["objection_id"]), row["person_id"], row["business_id"], row["why"]) for row in found]
        columns = ("objection", "person", "business id", "why")
        terminal.show(as_json, found, lambda console: console.print(terminal.table(columns, rows) if rows else "nobody waits"))
        return
    if decision is None or not by or not reason:
        raise typer.BadParameter("a decision needs OBJECTION PERSON, --by and --reason", param_hint="--decide")
    number = objections.review(settings.home(), *decision, decide.replace("-", "_"), by_whom=by, reason=reason)
    terminal.show(as_json, {"review": number}, lambda console: console.print(f"decision {number} counts from the next build"))


notice = typer.Typer(help="Telling persons that they are in the register (GDPR art. 14).", no_args_is_help=True)


@notice.command()
def due(
    language: Annotated[str | None, typer.Option(help="Only of this language: fi, sv or en.")] = None, as_json: Json = False
) -> None:
    """Who has to be told, the most urgent first: days left of a month since the person was first seen."""
    from orchestration import noticing, settings, terminal

    found = [row for row in noticing.due(settings.home()) if language in (None, row["language"])]
    columns = ("person_id", "days_left", "channel", "language")
    rows = [[row[column] for column in columns] for row in found]
    terminal.show(as_json, found, lambda console: console.print(terminal.table(columns, rows) if rows else "nobody is due"))


@notice.command()
def sent(
    person: Annotated[list[str] | None, typer.Option("--person-id", help="May be given again.")] = None,
    file: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="A person_id a line.")] = None,
    all_due: Annotated[bool, typer.Option("--all-due", help="All whom `kohde notice due` lists, in their languages.")] = False,
    channel: Annotated[str | None, typer.Option(help="email, phone or post.")] = None,
    language: Annotated[str | None, typer.Option(help="fi, sv or en; with --all-due only these.")] = None,
    exception: Annotated[str | None, typer.Option(help="Why none is needed: a class of art. 14(5), such as 14_5_b.")] = None,
    day: Annotated[datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="When; default: today.")] = None,
    *,
    by: By,
    as_json: Json = False,
) -> None:
    """Write down that persons were told, or why they need not be."""
    from orchestration import noticing, settings, terminal

    told = noticing.sent(
        settings.home(), person or [], file, all_due=all_due, channel=channel, language=language, exception_class=exception,
        sent_on=day.date() if day else None, by_whom=by,
    )  # fmt: skip
    terminal.show(as_json, {"notices": told}, lambda console: console.print(f"{told} notice(s) are written down"))


recipient = typer.Typer(help="Who may be given data.", no_args_is_help=True)


@recipient.command("add")
def add_recipient(
    recipient_id: Annotated[str, typer.Argument(help="Small letters, digits and hyphens; names its folder.")],
    name: Annotated[str, typer.Option(help="As an access report tells it.")],
    *,
    business_id: Annotated[str | None, typer.Option(help="Of the recipient.")] = None,
    contact: Annotated[str | None, typer.Option(help="Whom to write to.")] = None,
    by: By,
    as_json: Json = False,
) -> None:
    """Write down a recipient, or what has changed of one."""
    from ledger import recipients
    from orchestration import settings, terminal

    added = recipients.add(settings.home(), recipient_id, name, business_id=business_id, contact=contact, by_whom=by)
    terminal.show(as_json, {"recipient": added}, lambda console: console.print(f"recipient {added} is written down"))


@recipient.command("list")
def list_recipients(as_json: Json = False) -> None:
    """All recipients as they are now."""
    from ledger import recipients
    from orchestration import settings, terminal

    found = recipients.every(settings.home())
    columns = ("recipient_id", "name", "business_id", "contact")
    rows = [[row[column] for column in columns] for row in found]
    terminal.show(as_json, found, lambda console: console.print(terminal.table(columns, rows) if rows else "no recipient yet"))
