"""Commands of the rights of people: who they are here, what is held of them, correction, restriction, erasure; retention.

Nothing of a person is printed but by `report`, which writes it to a file. What is typed on a command line is kept by shells:
`--file` takes the same from a file.
"""

import csv
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli_options import By, Json, PersonId, Reason

if TYPE_CHECKING:
    from orchestration.subject.change import Changed
    from orchestration.subject.find import Question

subject = typer.Typer(help="A person's rights: report, correct, restrict, erase.", no_args_is_help=True)
retention = typer.Typer(help="What is kept too long goes.", no_args_is_help=True)

Email = Annotated[str | None, typer.Option("--email", help="An address of theirs, in any spelling.")]
Phone = Annotated[str | None, typer.Option("--phone", help="A number of theirs, in any spelling.")]
Name = Annotated[str | None, typer.Option("--name", help="Their name; with --business-id or --birth-date.")]
Business = Annotated[str | None, typer.Option("--business-id", help="Where they work.")]
Birth = Annotated[datetime | None, typer.Option("--birth-date", formats=["%Y-%m-%d", "%d.%m.%Y"], help="Their date of birth.")]
Evidence = Annotated[str, typer.Option("--evidence", help="Where the request is kept: a letter's number, never what it says.")]


@subject.command()
def find(
    email: Email = None, phone: Phone = None, name: Name = None, business_id: Business = None, birth_date: Birth = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """The id of the one person meant."""
    from orchestration import settings, terminal
    from orchestration.subject import find as finding

    found = finding.find(settings.home(), _question(email, phone, name, business_id, birth_date, None))
    terminal.show(as_json, {"person_id": found}, lambda console: console.print(found))


@subject.command()
def erase(
    by_whom: By = "",
    evidence: Annotated[str, typer.Option("--evidence", help="Where the request is kept; never what it says.")] = "",
    email: Email = None, phone: Phone = None, name: Name = None, business_id: Business = None, birth_date: Birth = None,
    person_id: PersonId = None,
    file: Annotated[
        Path | None, typer.Option(help="CSV of several people: email, phone, name, business_id, birth_date, person_id.")
    ] = None,
    safety: Annotated[bool, typer.Option("--safety", help="Somebody who must not be found (turvakielto).")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an erasure that was cut off.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Erase people from every file of the lake, prove it, and write the certificate."""
    from dataclasses import asdict

    from orchestration import settings, terminal
    from orchestration.state import Refused
    from orchestration.subject import erase as erasing
    from orchestration.subject import find as finding

    home = settings.export()
    asked = _questions(file) if file else []
    if any((email, phone, name, business_id, birth_date, person_id)):
        asked.append(_question(email, phone, name, business_id, birth_date, person_id))
    if not asked and not resume:
        raise Refused("say who: --email, --phone, --name with --business-id or --birth-date, --person-id or --file")
    if resume and asked:
        raise Refused("--resume ends the erasure that was cut off: it takes nobody else")
    if asked and erasing.is_pending(home):
        raise Refused("an earlier erasure was cut off: run `kohde subject erase --resume` first")
    found = [finding.subject(home, one) for one in dict.fromkeys(finding.find(home, question) for question in asked)]
    with terminal.progress(not as_json) as progress:

        def step(name: str) -> None:
            progress(f"erasing: {name}", erasing.STEPS.index(name), len(erasing.STEPS))

        done = erasing.erase(home, found, evidence=evidence, by_whom=by_whom, safety=safety, progress=step)
    terminal.show(as_json, asdict(done), lambda console: console.print(terminal.escape(erasing.readable(done))))


@subject.command()
def report(
    out: Annotated[Path, typer.Option(help="Folder for the files of the answer; it will hold clear text.")],
    language: Annotated[str, typer.Option(help="fi, sv or en.")] = "fi",
    email: Email = None, phone: Phone = None, name: Name = None, business_id: Business = None, birth_date: Birth = None,
    person_id: PersonId = None, as_json: Json = False,
) -> None:  # fmt: skip
    """All that is held of a person, as JSON, page and PDF, with sources, reasons and named recipients."""
    from orchestration import settings, terminal
    from orchestration.subject import find as finding
    from orchestration.subject import report as reporting

    known = next((one for one in reporting.LANGUAGES if one == language), None)
    if known is None:
        raise typer.BadParameter(f"{language!r} is none of fi, sv, en", param_hint="--language")
    home = settings.home()
    found = finding.find(home, _question(email, phone, name, business_id, birth_date, person_id))
    paths = [str(path) for path in reporting.write(reporting.report(home, found, known), out)]
    terminal.show(as_json, {"person_id": found, "files": paths}, lambda console: console.print("\n".join(paths)))


@subject.command()
def correct(
    field: Annotated[str, typer.Option(help="first_name, last_name, title, email, phone or language.")],
    by_whom: By,
    reason: Reason,
    value: Annotated[str | None, typer.Option(help="What is right; none: there is no such thing.")] = None,
    at: Annotated[str | None, typer.Option("--at", help="Business id, when only their place there is meant.")] = None,
    email: Email = None, phone: Phone = None, name: Name = None, business_id: Business = None, birth_date: Birth = None,
    person_id: PersonId = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Put a value right; tells which recipients have to be told."""
    from orchestration import settings
    from orchestration.subject import change
    from orchestration.subject import find as finding

    home = settings.home()
    found = finding.find(home, _question(email, phone, name, business_id, birth_date, person_id))
    known = finding.subject(home, found)
    done = change.correct(home, known, field, value, by_whom=by_whom, reason=reason, business_id=at)
    _show_change(as_json, done, "correction")


@subject.command()
def restrict(
    by_whom: By, evidence: Evidence,
    email: Email = None, phone: Phone = None, name: Name = None, business_id: Business = None, birth_date: Birth = None,
    person_id: PersonId = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Freeze a person: nothing of them leaves for any purpose; tells which recipients have to be told."""
    from orchestration import settings
    from orchestration.subject import change
    from orchestration.subject import find as finding

    home = settings.home()
    found = finding.find(home, _question(email, phone, name, business_id, birth_date, person_id))
    _show_change(
        as_json, change.restrict(home, finding.subject(home, found), evidence=evidence, by_whom=by_whom), "restriction"
    )


def _show_change(as_json: bool, done: "Changed", what: str) -> None:
    from dataclasses import asdict

    from orchestration import terminal

    def render(console: Any) -> None:
        console.print(f"{what} {done.number}; it counts with the next build")
        for one in done.tell:
            console.print(terminal.escape(f"tell {one['recipient_name']}: delivery {one['delivery_id']}, {one['file']}"))

    terminal.show(as_json, asdict(done), render)


def _question(
    email: str | None, phone: str | None, name: str | None, business_id: str | None, birth_date: date | datetime | None,
    person_id: str | None,
) -> "Question":  # fmt: skip
    from orchestration.subject.find import Question

    day = birth_date.date() if isinstance(birth_date, datetime) else birth_date
    return Question(email, phone, name, business_id, day, person_id)


def _questions(path: Path) -> "list[Question]":
    """People of a file, one a row. Raises Refused."""
    from orchestration.state import Refused

    columns = ("email", "phone", "name", "business_id", "birth_date", "person_id")
    with path.open(encoding="utf-8-sig", newline="") as source:
        rows = csv.DictReader(source)
        if not rows.fieldnames or set(rows.fieldnames) - set(columns):
            raise Refused(f"{path.name}: its columns are not among {', '.join(columns)}")
        found = []
        for number, row in enumerate(rows, start=2):
            told: dict[str, Any] = {column: (row.get(column) or "").strip() or None for column in columns}
            try:
                told["birth_date"] = date.fromisoformat(told["birth_date"]) if told["birth_date"] else None
            except ValueError:
                raise Refused(f"{path.name}:{number}: birth_date is no day (YYYY-MM-DD)") from None
            found.append(_question(**told))
    if not found:
        raise Refused(f"{path.name}: names nobody")
    return found


@retention.command()
def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: Json = False,
) -> None:
    """Remove what has been kept for as long as its fact sheet says; build and publish anew when people's rows went."""
    from dataclasses import asdict

    from orchestration import settings, terminal
    from orchestration.subject import retention as keeping

    gone = keeping.run(settings.export(), dry_run=dry_run)

    def render(console: Any) -> None:
        rows = [(one.path, one.rule, one.since, "" if one.rows is None else one.rows) for one in gone]
        said = "nothing has expired" if not gone else terminal.table(("what", "rule", "since", "rows"), rows)
        console.print(said)

    terminal.show(as_json, [asdict(one) for one in gone], render)
