"""`kohde demo`: two days of a made-up Finland, served as PRH serves it, run through Dagster from register to mart."""

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from base.files import write_text
from ledger import keys
from orchestration import settings, terminal, worlds
from orchestration.state import Refused, writer

if TYPE_CHECKING:
    from dagster import ExecuteInProcessResult

    from ingest.lake import Manifest
    from ingest.synthetic.server import RegistryServer

FIRST_DAY = date(2026, 1, 2)
DAYS = 2
# The daily job asks the served sources; files are landed from the folder of the day. What people send comes after the job, and
# is built the next morning.
QUERIES = {
    "Whom is there to reach?": (
        "SELECT legal_form_group, count(*) AS organisations, count(*) FILTER (is_marketing_target) AS targets "
        "FROM organisations GROUP BY ALL ORDER BY organisations DESC"
    ),
    "What happened on the second day?": (
        "SELECT op, count(*) AS organisations FROM changes_daily WHERE date = DATE '2026-01-03' GROUP BY ALL ORDER BY ALL"
    ),
    "Who decides on what, and how sure are we?": (
        "SELECT area_name_en, area_source, count(*) AS links, round(avg(p_current), 2) AS p_current "
        "FROM decision_makers GROUP BY ALL ORDER BY links DESC"
    ),
    "Why is somebody not in the marketing file?": (
        "SELECT gate, count(*) AS contacts FROM gate_audit GROUP BY gate, gate_rank ORDER BY gate_rank"
    ),
    "How did the register look on the first day?": (
        "SELECT status, count(*) AS organisations FROM organisations_as_of(DATE '2026-01-02') GROUP BY ALL ORDER BY 2 DESC"
    ),
}


class DemoFailed(Exception):
    """The demo did not come to its end; the line says where, and which log tells more."""


@dataclass
class DayReport:
    """One day of the demo: the receipts of its loads and the version it published."""

    day: str
    loads: list[dict[str, Any]]
    version: str
    tables: dict[str, int]
    seconds: float


@dataclass
class DemoReport:
    """What the demo did. `answer` is the result of the first query, as (columns, rows)."""

    home: str
    source: str
    log: str
    days: list[DayReport] = field(default_factory=list)
    published: str = ""
    told: dict[str, int] = field(default_factory=dict)
    gates: list[tuple[str, int]] = field(default_factory=list)
    queries: dict[str, str] = field(default_factory=lambda: dict(QUERIES))
    answer: tuple[list[str], list[tuple[Any, ...]]] = field(default_factory=lambda: ([], []))
    keys: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)

    def render(self, console: Console) -> None:
        """For a person: what came in, what came out, where it lies, what to ask."""
        columns = ("day", "dataset", "read", "new", "changed", "disappeared", "unchanged", "quarantined")
        names = ("read", "inserted", "updated", "disappeared", "unchanged", "quarantined")
        # One line a dataset and day: files that are sent come several at a time.
        sums: dict[tuple[str, str], Counter[str]] = {}
        for day in self.days:
            for load in day.loads:
                sums.setdefault((day.day, f"{load['source']}.{load['dataset']}"), Counter()).update(load["counts"])
        rows = [(*key, *(counts[name] for name in names)) for key, counts in sums.items()]
        console.print(
            "\n[bold]Landed[/]  read = new + changed + unchanged + quarantined; disappeared comes from the comparison"
        )
        console.print(terminal.table(columns, rows))
        tables = [table for table in self.days[-1].tables if "." not in table]
        console.print("\n[bold]Published[/]  rows in each mart after the day")
        console.print(
            terminal.table(
                ("mart", *(day.day for day in self.days)),
                [(table, *(day.tables.get(table) for day in self.days)) for table in tables],
            )
        )
        console.print("\n[bold]Who may be reached[/]  after everybody had been told, and some had objected")
        console.print(terminal.table(("what", "contacts"), [*self.told.items(), *self.gates]))
        console.print("\n[bold]Where it lies[/]")
        for name, path in (
            ("published", self.published),
            ("lake", self.home),
            ("register files", self.source),
            ("log", self.log),
        ):
            console.print(f"  {name:<15} {path}")
        console.print("\n[bold]Ask it[/]")
        for question, sql in self.queries.items():
            console.print(f'  [dim]# {question}[/]\n  {terminal.command()} query "{terminal.escape(sql)}"')
        console.print(f"\n[bold]{next(iter(self.queries))}[/]")
        console.print(terminal.table(*self.answer))
        console.print(
            f"\n[bold]Pick from it[/]  {terminal.command()} serve, then open http://127.0.0.1:8000 and sign in with one of"
        )
        for who, key in self.keys.items():
            console.print(f"  {who:<22} {key}", soft_wrap=True)
        console.print(f"\nDone in {self.seconds:.0f} s. Every company above is made up. See the graph: {terminal.command()} ui")


def run(home: Path, organisations: int = 20_000, seed: int = 1) -> DemoReport:
    """Run the demo in the lake `home`, anew each time.

    Raises Refused for a lake that was not made by the demo: nothing real is ever thrown away. Raises DemoFailed when a
    run fails.
    """
    started = time.monotonic()
    _fresh_lake(home)
    report = DemoReport(home=str(home), source=str(home / "demo-source"), log=str(home / "demo.log"))
    settings.export(home)
    if keys.file() == settings.demo_secret(home) and not keys.file().exists():
        keys.create()
    with terminal.chatter_to(home / "demo.log") as console:
        try:
            _run(home, organisations, seed, report, console)
        except Exception as error:
            raise DemoFailed(f"the demo failed: {error} (log: {report.log})") from error
    report.seconds = round(time.monotonic() - started, 1)
    return report


def _run(home: Path, organisations: int, seed: int, report: DemoReport, console: Console) -> None:
    from ingest import lake, synthetic

    with _stage(console, f"making up {terminal.number(organisations)} companies, {DAYS} days"):
        synthetic.generate(organisations, seed, DAYS, Path(report.source), start=FIRST_DAY)
    with _stage(console, "starting Dagster and dbt"):
        import dagster as dg

        from orchestration import instance
        from orchestration.definitions import defs

        instance.prepare(home)
        job = defs.resolve_job_def("daily")
    with dg.DagsterInstance.get() as dagster:
        for number in range(1, DAYS + 1):
            day, began = FIRST_DAY + timedelta(days=number - 1), time.monotonic()
            before = {receipt.load_id for receipt in lake.manifests(home)}
            with (
                _stage(console, f"day {number}, {day}: landing, building, publishing"),
                _served(Path(report.source), day) as register,
            ):
                worlds.land_files(worlds.REGISTER_FILES, Path(report.source), day, home)
                config = daily_config(register, day)
                result = job.execute_in_process(run_config=config, instance=dagster, raise_on_error=False)
            if not result.success:
                raise RuntimeError(f"day {number}: {_failure(result)}")
            worlds.land_files(worlds.PEOPLES_FILES, Path(report.source), day, home)
            # The ledger is no source of the day.
            loads = [r for r in lake.manifests(home) if r.load_id not in before and r.source != "ledger"]
            report.days.append(_day_report(home, day, loads, time.monotonic() - began))
    with _stage(console, "telling everybody that we hold their data, taking a few objections, publishing again"):
        report.told = promise(home)
        report.keys = let_in(home)
    from orchestration.publish import connect, current

    report.published = str(current(home))
    with connect(home, "marketing") as db:
        found = db.execute("SELECT 'to market: ' || channel, count(*) FROM marketing_contacts GROUP BY ALL ORDER BY ALL")
        report.gates = found.fetchall()
    with connect(home) as db:
        withheld = "SELECT 'withheld: ' || gate, count(*) FROM gate_audit GROUP BY gate, gate_rank ORDER BY gate_rank"
        report.gates += db.execute(withheld).fetchall()
        answer = db.execute(next(iter(QUERIES.values())))
        report.answer = ([name for name, *_ in answer.description or []], answer.fetchall())


def promise(home: Path) -> dict[str, int]:
    """Made-up promises, then a publication: a notice to everybody published, objections of three persons and an organisation.

    Returns how many of each.
    """
    from ledger import notices, objections
    from ledger.subjects import Told
    from orchestration.publish import connect, publish

    with connect(home, "registry") as db:
        people = db.execute(
            "SELECT DISTINCT person_id FROM decision_makers UNION SELECT person_id FROM responsible_persons ORDER BY 1"
        ).fetchall()
        mailboxes = db.execute(
            "SELECT DISTINCT email FROM decision_makers WHERE email IS NOT NULL ORDER BY 1 LIMIT 3"
        ).fetchall()
        firms = db.execute("SELECT min(business_id) FROM contact_points WHERE owner = 'organisation'").fetchall()
    sent = notices.sent(home, [person for (person,) in people], channel="post", language="fi", by_whom="the demo")
    for number, (mailbox,) in enumerate(mailboxes, start=1):
        objections.add(home, Told(email=mailbox), evidence=f"made-up letter {number}", by_whom="the demo")
    for (firm,) in firms:
        objections.add(
            home, Told(business_id=firm), scope="organisation", origin="organisation", evidence="a call", by_whom="the demo"
        )
    publish(home)
    return {"notices sent": sent, "objections": len(mailboxes) + len(firms)}


def let_in(home: Path) -> dict[str, str]:
    """A made-up customer, and a key of each role to the service, for a month."""
    from ledger import access, recipients

    recipients.add(home, "demo-asiakas", "Demo-Asiakas Oy", by_whom="the demo")
    until = (datetime.now(UTC) + timedelta(days=30)).replace(tzinfo=None)
    who = {"a customer": "admin", "data protection": "officer", "operations": "operator"}
    return {
        label: access.add_key(
            home, role, label, recipient_id="demo-asiakas" if role == "admin" else None, expires_at=until, by_whom="the demo"
        )
        for label, role in who.items()
    }


def _day_report(home: Path, day: date, loads: "list[Manifest]", seconds: float) -> DayReport:
    from orchestration.publish import PublishedVersion, current

    version = PublishedVersion.read(current(home))
    return DayReport(
        day=day.isoformat(),
        loads=[receipt.to_dict() for receipt in loads],
        version=version.version,
        tables=version.tables,
        seconds=round(seconds, 1),
    )


def _fresh_lake(home: Path) -> None:
    """Empty a lake of an earlier demo. The mark goes in first and comes out last, so that a killed demo can be run
    again.
    """
    if home.exists() and any(home.iterdir()) and not settings.is_demo(home):
        raise Refused(f"{home} was not made by the demo and stays as it is: set KOHDE_HOME to another folder")
    with writer(home):
        write_text(home / settings.DEMO_MARK, "Made by `kohde demo`: every company in here is made up. May be deleted.\n")
        for path in home.iterdir():
            if path.name not in (settings.DEMO_MARK, ".build.lock"):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


@contextmanager
def _served(folder: Path, day: date) -> "Iterator[RegistryServer]":
    from ingest.synthetic.server import RegistryServer

    with RegistryServer(folder, day=day) as server:
        yield server


def daily_config(register: "RegistryServer", day: date) -> dict[str, Any]:
    """Run configuration of the daily job that takes its sources from a register server on this machine."""
    told = {source: {"config": {"origin": url, "as_of": day.isoformat()}} for source, url in register.urls.items()}
    return {"ops": {f"land_{source}": config for source, config in told.items()}}


def _failure(result: "ExecuteInProcessResult") -> str:
    """The innermost reason of the first failed step, in one line."""
    for event in result.all_events:
        if event.is_step_failure:
            told, error = event.step_failure_data.user_failure_data, event.step_failure_data.error
            if told and told.description:
                return f"{event.step_key}: {told.description}"
            while error and error.cause:
                error = error.cause
            return f"{event.step_key}: {' '.join(error.message.split())[:300] if error else 'no reason given'}"
    return "the run failed before its first step"


@contextmanager
def _stage(console: Console, what: str) -> Iterator[None]:
    """One line for one stage: a spinner on a terminal, then what was done and how long it took."""
    began = time.monotonic()
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        console.print(f"{what} ...")
        yield
    console.print(f"[green]done[/] {what} [dim]{time.monotonic() - began:.1f} s[/]")
