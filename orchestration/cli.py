"""The command line `kohde`: each command parses, calls one function and shows its result.

Heavy imports wait inside the commands, so that help comes at once.

Exit codes: 0 done; 1 refused or failed, with one line on stderr; 2 called wrongly.
"""

import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from orchestration import cli_delivery, cli_orders, cli_promises, cli_query, cli_refresh, cli_service, cli_subject
from orchestration.cli_options import By, Json, Reason

if TYPE_CHECKING:
    from ingest.inbox import Receipt

app = typer.Typer(
    help="A self-hosted data lakehouse of Finnish organisations. The lake lies in KOHDE_HOME, by default ./lake.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
registry = typer.Typer(
    help="A made-up register on your own machine, as well-behaved or not as the real one.", no_args_is_help=True
)
app.add_typer(registry, name="registry")
key = typer.Typer(help="The secret that makes the ids of persons; it lies outside the lake.", no_args_is_help=True)
app.add_typer(key, name="key")
app.add_typer(cli_subject.subject, name="subject")
app.add_typer(cli_subject.retention, name="retention")
key.command()(cli_promises.rotate)
app.command()(cli_refresh.refresh)
app.command()(cli_query.query)
app.command()(cli_delivery.count)
app.command()(cli_orders.extract)
app.command()(cli_orders.deliver)
app.command()(cli_orders.recall)
app.command()(cli_orders.licence)
app.command()(cli_orders.leak)
app.add_typer(cli_orders.order, name="order")
app.command()(cli_service.serve)
app.add_typer(cli_service.access, name="access")
for promises in ("ledger", "objection", "notice", "recipient"):
    app.add_typer(getattr(cli_promises, promises), name=promises)

Day = typer.Option(
    "--date", formats=["%Y-%m-%d"], help="Day the data is of; default: the day the data itself says, else today."
)
# Told as they are; any other exception is a defect and says its type.
SPOKEN = {"Refused", "BuildFailed", "LandingRefused", "DemoFailed", "SecretMissing", "LedgerRefused"}


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from (also KOHDE_DEBUG=1).")] = False,
) -> None:
    """Options that every command takes."""
    if debug:
        os.environ["KOHDE_DEBUG"] = "1"


@app.command()
def demo(
    organisations: Annotated[int, typer.Option(min=100, help="How many companies to make up.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Same seed, same companies.")] = 1,
    as_json: Json = False,
) -> None:
    """A made-up Finland from register to published mart: two days, run through Dagster."""
    from orchestration import demo, settings, terminal

    report = demo.run(settings.home(), organisations=organisations, seed=seed)
    terminal.show(as_json, report.to_dict(), report.render)


@app.command()
def synth(
    out: Annotated[Path, typer.Option(help="Folder to write; must be empty or absent.")],
    organisations: Annotated[int, typer.Option(min=1, help="How many companies on the first day.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 1,
    days: Annotated[int, typer.Option(min=1, help="How many days.")] = 2,
    every: Annotated[int, typer.Option(min=1, help="How many days lie from one to the next.")] = 1,
    source: Annotated[list[str] | None, typer.Option(help="Only this source; may be given again.")] = None,
    as_json: Json = False,
) -> None:
    """Write the register files of a made-up Finland, and the truth about it."""
    from ingest import synthetic
    from orchestration import terminal
    from orchestration.state import Refused

    if out.exists() and any(out.iterdir()):
        raise Refused(f"{out} is not empty")
    if unknown := set(source or []) - set(synthetic.SOURCES):
        raise Refused(f"no source {min(unknown)!r} is made up; there is {', '.join(synthetic.SOURCES)}")
    with terminal.progress(not as_json) as progress:
        synthetic.generate(organisations, seed, days, out, progress=progress, sources=source, every=every)
    done = {"out": str(out.resolve()), "organisations": organisations, "seed": seed, "days": days, "every": every}
    terminal.show(as_json, done, lambda console: console.print(f"{days} days of {organisations} companies lie in {out}"))


@registry.command()
def serve(
    folder: Annotated[Path, typer.Option("--dir", exists=True, file_okay=False, help="A folder written by `kohde synth`.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 = any free port.")] = 8080,
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Which day to serve; default: the last.")] = None,
    fault: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Misbehave, such as /all_companies=503*2. May be repeated.")
    ] = None,
    rate_limit: Annotated[int, typer.Option(min=0, help="Requests a minute from everybody; 0 = no limit.")] = 300,
    as_json: Json = False,
) -> None:
    """Serve a generated day as PRH serves the real one, until Ctrl-C."""
    from ingest.synthetic import server
    from orchestration import terminal

    def started(register: server.RegistryServer) -> None:
        about = {"url": register.url, "day": register.day.isoformat()}
        terminal.show(as_json, about, lambda console: console.print(f"{register.url}  day {register.day}; Ctrl-C ends"))
        sys.stdout.flush()

    server.serve(
        folder, port=port, day=_date(day), faults=tuple(fault or ()), rate_limit_per_minute=rate_limit or None, started=started
    )


@key.command()
def new(as_json: Json = False) -> None:
    """Make a secret in KOHDE_SECRET_FILE, by default ~/.config/kohde/secret. An old one is never overwritten."""
    from ledger import keys
    from orchestration import settings, terminal
    from orchestration.state import Refused

    if keys.file().is_relative_to(settings.home()):
        raise Refused(f"{keys.file()} lies in the lake: whoever copied the lake would have the secret too")
    try:
        path = keys.create()
    except FileExistsError as there:
        raise Refused(str(there)) from None
    terminal.show(
        as_json, {"path": str(path)}, lambda console: console.print(f"a secret lies in {path}; keep a copy elsewhere")
    )


@app.command()
def land(
    source: Annotated[str, typer.Argument(help="A source, such as ytj.")],
    origin: Annotated[
        str | None, typer.Option("--from", help="File, folder or URL; default: the source's own address.")
    ] = None,
    day: Annotated[datetime | None, Day] = None,
    accept_bounds: Annotated[
        str | None, typer.Option(metavar="REASON", help="Take a load that is outside its bounds; the reason is kept.")
    ] = None,
    dataset: Annotated[list[str] | None, typer.Option(help="Only this dataset of the source; may be given again.")] = None,
    search: Annotated[
        list[str] | None, typer.Option(metavar="FIELD=VALUE", help="Ask the register's search instead of its bulk dump.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take a source's data into the raw zone; without --from, what waits in the inbox of a source that has one."""
    from orchestration import landing, settings, terminal

    told = landing.options(accept_bounds, dataset or [], search or [])
    if origin is None and (answers := landing.take_inbox(source, _date(day), settings.export(), **told)) is not None:
        _show_answers(source, answers, as_json)
        return
    with terminal.progress(not as_json) as progress:
        started = datetime.now(UTC).replace(microsecond=0)
        receipts = landing.land(source, origin, _date(day), settings.export(), progress, **told)
    # A file that had been landed before answers with the receipt of that time.
    rows = [
        (
            m.load_id + (" (had landed already)" if datetime.fromisoformat(m.finished_at) < started else ""),
            m.counts.read,
            m.counts.inserted,
            m.counts.updated,
            m.counts.disappeared,
            m.counts.unchanged,
            m.counts.quarantined,
        )
        for m in receipts
    ]
    columns = ("load", "read", "new", "changed", "disappeared", "unchanged", "quarantined")
    terminal.show(as_json, [m.to_dict() for m in receipts], lambda console: console.print(terminal.table(columns, rows)))


@app.command()
def judge(
    verdict: Annotated[str, typer.Argument(help="same, not-same or unsure.")],
    mentions: Annotated[
        tuple[str, str], typer.Argument(metavar="MENTION MENTION", help="As restricted.person_review lists them.")
    ],
    by: By,
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Decide whether two mentions are one person; counts from the next build on, and outlives every rebuild."""
    from orchestration import judging, settings, terminal

    number = judging.judge(settings.home(), verdict.replace("-", "_"), mentions, by, reason)
    terminal.show(
        as_json, {"judgement": number}, lambda console: console.print(f"judgement {number} counts from the next build")
    )


@app.command()
def correct(
    field: Annotated[str, typer.Argument(help="A column, such as last_name.")],
    value: Annotated[str | None, typer.Argument(help="What is right; left out: there is none.")] = None,
    *,
    by: By,
    reason: Reason,
    business_id: Annotated[str | None, typer.Option(help="Of this organisation.")] = None,
    person: Annotated[
        str | None, typer.Option("--person-id", help="Of this person, with --business-id: of their place there.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write down a value that outranks the sources until they agree."""
    from ledger import store
    from orchestration import settings, terminal

    number = store.correct(settings.home(), field, value, by, reason, business_id=business_id, person_id=person)
    terminal.show(as_json, {"correction": number}, lambda console: console.print(f"correction {number} is written down"))


@app.command()
def build(
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Make a new warehouse from everything that has landed.")
    ] = False,
    target: Annotated[str, typer.Option(help="duckdb or spark.")] = "duckdb",
    as_json: Json = False,
) -> None:
    """Build and test the marts from what has landed since the last build."""
    from dataclasses import asdict

    from orchestration import settings, terminal
    from orchestration.build import build

    if target not in ("duckdb", "spark"):
        raise typer.BadParameter(f"{target!r} is neither duckdb nor spark", param_hint="--target")
    with terminal.progress(not as_json) as progress:
        report = build(settings.home(), full_refresh, target, progress)

    def render(console: Any) -> None:
        if report.status == "nothing new":
            console.print("nothing new has landed since the last build")
        else:
            counts = ", ".join(f"{number} {status}" for status, number in report.results.items())
            console.print(f"built in {report.seconds} s ({report.reason or 'what has landed since'}): {counts}")
        for warning in report.warnings:
            console.print(f"[yellow]warning[/] {terminal.escape(warning)}")

    terminal.show(as_json, asdict(report), render)


@app.command()
def publish(as_json: Json = False) -> None:
    """Publish the last good build as a new version; readers find it at once."""
    from dataclasses import asdict

    from orchestration import publish, settings, terminal

    receipt = publish.publish(settings.home())

    def render(console: Any) -> None:
        console.print(f"published {receipt.path}")
        console.print(terminal.table(("table", "rows"), receipt.tables.items()))

    terminal.show(as_json, asdict(receipt), render)


@app.command()
def status(as_json: Json = False) -> None:
    """The last load of each dataset, the last build, what is published, where it lies."""
    from orchestration import settings, terminal
    from orchestration.status import status

    found = status(settings.home())

    def render(console: Any) -> None:
        columns = ("dataset", "last load", "verdict", "read", "landed", "gone", "unchanged", "quarantined", "age")
        rows = [
            (
                d.dataset,
                d.load_id,
                d.verdict,
                d.read,
                d.landed,
                d.disappeared,
                d.unchanged,
                d.quarantined,
                _age(d.age_hours),
            )
            for d in found.datasets
        ]
        console.print(terminal.table(columns, rows) if rows else "nothing has landed yet: kohde land ytj")
        for d in found.datasets:
            if d.verdict != "accepted":
                console.print(f"[red]{d.load_id} was not taken[/]: {terminal.escape(d.reason or '')}")
        if found.never_landed:
            console.print(f"never landed: {', '.join(found.never_landed)}")
        state, version = found.build, found.published
        console.print(f"\nbuild      {state.status} {state.built_at} {terminal.escape(state.reason)}")
        console.print(f"published  {version.version + ' of ' + version.built_at if version else 'nothing yet'}")
        if version:
            console.print(f"gates      proven against the ledger at {version.suppression_version or 'no state of it'}")
        for name, path in found.paths.items():
            console.print(f"{name:<10} {path}")
        if found.is_demo:
            console.print("[yellow]a lake of the demo: every company in it is made up[/]")

    terminal.show(as_json, found.to_dict(), render)


@app.command()
def classify(
    title: Annotated[str, typer.Argument(help="A title, as somebody wrote it.")],
    language: Annotated[str | None, typer.Option(help="fi, sv or en; default: not known.")] = None,
    as_json: Json = False,
) -> None:
    """What a title says: areas of responsibility, level, how sure, and why."""
    from dataclasses import asdict

    from base.titles import default_vocabulary, explain
    from orchestration import terminal

    if language not in (None, "fi", "sv", "en"):
        raise typer.BadParameter(f"{language!r} is none of fi, sv, en", param_hint="--language")
    found = explain(title, language)

    def render(console: Any) -> None:
        if found.labels:
            columns = ("area", "function", "weight", "confidence", "because")
            rows = [(label.area, label.function, label.weight, label.confidence, label.reason) for label in found.labels]
            console.print(terminal.table(columns, rows))
            console.print(f"\nlevel      {found.level}")
        else:
            console.print(terminal.escape(found.reason))
        console.print(f"read as    {terminal.escape(found.normal_form)}")
        console.print(f"version    {default_vocabulary().version}")

    terminal.show(as_json, asdict(found) | {"classifier_version": default_vocabulary().version}, render)


@app.command()
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 3000,
    as_json: Json = False,
) -> None:
    """Dagster's page and its daemon, on 127.0.0.1, until Ctrl-C."""
    from orchestration import settings, terminal, ui

    def ready(url: str) -> None:
        terminal.show(as_json, {"url": url}, lambda console: console.print(f"{url}; Ctrl-C ends"))
        sys.stdout.flush()

    ui.run(settings.home(), port, ready)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Entry point of the console script."""
    from orchestration import terminal

    arguments = sys.argv[1:] if arguments is None else arguments
    # dbt writes the command line it finds into its results: whom a command is about must not be there.
    sys.argv = [sys.argv[0], *arguments[:1]]
    if "--debug" in arguments:  # allowed anywhere, as it is added to a line that has just failed
        arguments = ["--debug", *(word for word in arguments if word != "--debug")]
    try:
        app(arguments, prog_name="kohde")
    except Exception as error:
        if os.environ.get("KOHDE_DEBUG"):
            raise
        kinds = [kind.__name__ for kind in type(error).__mro__]
        terminal.fail(str(error) if SPOKEN & {*kinds} else f"{kinds[0]}: {error} (--debug shows where)")
        sys.exit(1)
    sys.exit(0)


def _show_answers(source: str, answers: "list[Receipt]", as_json: bool) -> None:
    """What became of each file of an inbox. Ends with 1 when one was refused as a whole."""
    from dataclasses import asdict

    from ingest.inbox import OUTCOMES
    from orchestration import terminal

    def render(console: Any) -> None:
        rows = [(a.file, a.verdict, *(a.rows.get(o, 0) for o in OUTCOMES), a.reason or "", a.path) for a in answers]
        columns = ("file", "verdict", *OUTCOMES, "reason", "now lies at")
        console.print(terminal.table(columns, rows) if rows else f"nothing waits in inbox/{source}")

    terminal.show(as_json, [asdict(answer) for answer in answers], render)
    if any(answer.verdict == "refused" for answer in answers):
        raise typer.Exit(1)


def _date(day: datetime | None) -> date | None:
    return day.date() if day else None


def _age(hours: float | None) -> str:
    if hours is None:
        return "never"
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} d"


if __name__ == "__main__":
    main()
