"""Build: dbt over what has landed, with a receipt that says what it has seen.

`building()` is the one frame around every dbt run, in process (`kohde build`) or through Dagster: it takes the
writer's lock, decides between a day's increment and a whole new warehouse, and writes the receipt. The warehouse is
disposable: after a failed or killed build, or when a model has changed, a new one is made from the landed files rather
than repaired.
"""

import hashlib
import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from ingest import lake
from ingest.sources.ledger import loader as promises
from ledger import keys
from orchestration import gating, intake, settings
from orchestration.state import WAREHOUSE, BuildState, Refused, writer

NodeDone = Callable[[str, int, int | None], None]
"""Progress of a build: what is done, how many, of how many."""


class BuildFailed(Exception):
    """dbt ended badly; the line names the first failing model or test and the log."""


@dataclass
class Plan:
    """What one build is about to do. `reason`: why the warehouse is made anew; None = only what landed since the last
    build.
    """

    home: Path
    target: str
    fingerprint: str
    key: str
    loads: dict[str, str]
    watermarks: dict[str, str]
    reason: str | None
    something_new: bool
    invocation_id: str = ""
    whole: bool = True
    unusable: list[str] = field(default_factory=list)

    @property
    def warnings(self) -> list[str]:
        """Objections that landed and reach nobody, each in a line: a person has to look at the record."""
        return [
            f"{evidence} is an objection that names nobody who can be found: look at the record, then `kohde objection add`"
            for evidence in self.unusable
        ]

    @property
    def arguments(self) -> list[str]:
        """dbt's arguments, the same for the command line and Dagster."""
        return dbt_arguments(self.home, full_refresh=self.reason is not None, target=self.target, watermarks=self.watermarks)


@dataclass(frozen=True)
class BuildReport:
    """What a build did. `results`: dbt status -> number of nodes."""

    status: str
    full_refresh: bool
    reason: str | None
    loads: dict[str, str]
    invocation_id: str
    seconds: float
    results: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def fingerprint(project: Path | None = None) -> str:
    """sha256 over what the warehouse depends on: the dbt project (SQL, Python, YAML, seeds), base and the ledger's keys."""
    project = project or settings.DBT_PROJECT
    digest = hashlib.sha256()
    for path in sorted(project.rglob("*")):
        inside = path.relative_to(project)
        if path.suffix in {".sql", ".py", ".yml", ".csv"} and inside.parts[0] not in {"target", "logs"}:
            digest.update(str(inside).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    keys_of = [Path(keys.__file__).with_name(f"{module}.py") for module in ("dbt_plugin", "keys", "subjects")]
    for path in sorted([*(settings.ROOT / "base").rglob("*.py"), *keys_of]):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def landed(home: Path) -> dict[str, str]:
    """Dataset ("ytj.companies") -> its newest load id. A load's folder is its commit point, and ids sort by day.

    A load kept aside counts: it brings no rows, but source_health has to tell of it.
    """
    folders = [f for zone in ("raw", "aside") for f in home.glob(f"{zone}/*/*/load=*") if f.name != "load=schema"]
    by_name = sorted(folders, key=lambda folder: folder.name)
    return {f"{f.parent.parent.name}.{f.parent.name}": f.name.removeprefix("load=") for f in by_name}


def dbt_arguments(
    home: Path,
    *,
    full_refresh: bool = False,
    target: str = "duckdb",
    watermarks: dict[str, str] | None = None,
    command: str = "build",
    select: str | None = None,
) -> list[str]:
    """Arguments of one dbt run. `watermarks`: the last load that the previous build had seen, per dataset; none = all
    loads. `select`: only these nodes, in dbt's words.
    """
    return [
        command,
        # Unit tests prove the logic, not the data: they belong to `make test`, not to every morning.
        *(["--exclude-resource-type", "unit_test"] if command == "build" else []),
        *_places(settings.dbt_target(home)),
        *("--target", target),
        *("--vars", json.dumps({"watermarks": {} if full_refresh else watermarks or {}})),
        # A day's increment leaves the seeds and their tests alone: a changed seed changes the fingerprint, and that builds all.
        *(["--full-refresh"] if full_refresh else ["--exclude", "path:seeds"]),
        *(["--select", select] if select else []),
    ]


def plan_build(home: Path, *, full_refresh: bool = False, target: str = "duckdb") -> Plan:
    """Decide what the next build has to do. A doubt about the warehouse always ends in a new one.

    Raises Refused when there is no secret for the ids of persons.
    """
    state, project, loads, key = BuildState.read(home), fingerprint(), landed(home), _key()
    reason = None
    if full_refresh:
        reason = "asked for"
    elif target != "duckdb":
        reason = f"target {target} keeps no receipt"
    elif state.status == "absent":
        reason = "first build"
    elif state.status != "built":
        reason = "the last build was interrupted" if state.status == "building" else "the last build failed"
    elif state.fingerprint != project:
        reason = "the dbt project has changed"
    elif state.key != key:
        reason = "the secret of the ids has changed"
    elif not _readable(home / WAREHOUSE):
        reason = "the warehouse is missing or damaged"
    elif any(loads.get(dataset, "") < seen for dataset, seen in state.loads.items()):
        reason = "a load that was built has gone from the lake"
    return Plan(
        home=home,
        target=target,
        fingerprint=project,
        key=key,
        loads=loads,
        watermarks=state.loads,
        reason=reason,
        something_new=reason is not None or loads != state.loads,
    )


@contextmanager
def building(home: Path, *, full_refresh: bool = False, target: str = "duckdb", always: bool = False) -> Iterator[Plan]:
    """The frame of a dbt run: lock, plan, receipt. The body runs dbt with `plan.arguments` and sets
    `plan.invocation_id`.

    A body that raises leaves the receipt `failed`; so does one that built a part only (`plan.whole = False`): neither
    is published. When nothing new has landed the body is to do nothing, unless it asked for `always`.
    """
    settings.export(home)
    with writer(home):
        gating.check_inputs(home)
        lake.prepare(home)  # a dataset that has never landed is read as an empty one
        taken = intake.take(home)  # objections that came with what has landed
        promises.land(None, None, home)  # what people have decided since; nothing when nothing was
        plan = plan_build(home, full_refresh=full_refresh, target=target)
        plan.unusable = taken.unusable
        if target != "duckdb" or not (plan.something_new or always):
            yield plan
            return
        before = BuildState.read(home)
        if plan.reason:
            _forget_warehouse(home)
            before = BuildState()
        replace(before, status="building").write(home)
        # A dbt that dies early leaves the results of the run before, which would be taken for its own.
        (settings.dbt_target(home) / "run_results.json").unlink(missing_ok=True)
        try:
            yield plan
        except BaseException as error:
            replace(before, status="failed", reason=_first_line(error)).write(home)
            raise
        _drop_leftovers(home)
        if plan.whole:
            BuildState("built", plan.fingerprint, plan.loads, plan.invocation_id, _now(), key=plan.key).write(home)
            gating.absorb(home)
        else:
            replace(before, status="failed", reason="only a part of the models was built").write(home)


def build(
    home: Path | None = None, full_refresh: bool = False, target: str = "duckdb", progress: NodeDone | None = None
) -> BuildReport:
    """Run dbt build (seeds, models, tests) over what has landed since the last build.

    Returns status `built` or `nothing new`. Raises BuildFailed when a model or a test of severity error fails, Refused
    when another build is running or nothing has landed at all.
    """
    home = settings.export(home)
    started = time.monotonic()
    if not landed(home):
        raise Refused(f"nothing has landed in {home} yet: run `kohde land` first")
    with building(home, full_refresh=full_refresh, target=target) as plan:
        outcome = BuildReport("nothing new", False, None, plan.loads, "", 0.0, warnings=plan.warnings)
        if plan.something_new:
            results, warnings, plan.invocation_id = run_dbt(home, plan.arguments, progress, target)
            outcome = BuildReport(
                "built",
                plan.reason is not None,
                plan.reason,
                plan.loads,
                plan.invocation_id,
                0.0,
                results,
                plan.warnings + warnings,
            )
    return replace(outcome, seconds=round(time.monotonic() - started, 1))


def run_dbt(
    home: Path, arguments: list[str], progress: NodeDone | None = None, target: str = "duckdb"
) -> tuple[dict[str, int], list[str], str]:
    """dbt in this process: after the first import an invocation costs half a second instead of four.

    Returns dbt status -> number of nodes, the warnings, the id of the run. Raises BuildFailed.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner
    from dbt_common.events.base_types import EventMsg

    def report(event: EventMsg) -> None:
        if progress and event.info.name == "LogStartLine":
            progress("models and tests", event.data.index, event.data.total)

    log = settings.dbt_target(home) / "dbt.log"
    try:
        outcome = dbtRunner(_project(home, target), [report]).invoke(["--log-level", "none", *arguments])
    finally:
        # dbt keeps the file open, and an open handle would block the publisher.
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    if outcome.exception is not None:
        raise BuildFailed(f"dbt could not run: {_first_line(outcome.exception)} (log: {log})")
    if not outcome.success:
        raise BuildFailed(failure(home))
    results = run_results(home)
    counts = Counter(str(result["status"]) for result in results["results"])
    warnings = [_said(result) for result in results["results"] if result["status"] == "warn"]
    return dict(counts), warnings, results["metadata"]["invocation_id"]


_projects: dict[tuple[Path, str, str], Any] = {}


def _project(home: Path, target: str) -> Any:
    """dbt's picture of the project for one run, which writes into it; read once in a process while lake and project stay.

    Read as if there were a watermark, since an increment refers to all that a whole build refers to, and more; and always as
    if to the same one, since dbt reads every file anew when a variable has changed, which costs more than proving the gates.
    """
    from dbt.cli.main import dbtRunner

    folder = settings.dbt_target(home)
    key = (folder, target, fingerprint())
    if key not in _projects or not (folder / "manifest.json").exists():
        arguments = ["parse", *_places(folder), "--target", target, "--vars", json.dumps({"watermarks": {"any": ""}})]
        outcome = dbtRunner().invoke(["--log-level", "none", *arguments])
        if outcome.exception is not None:
            raise BuildFailed(f"dbt could not run: {_first_line(outcome.exception)} (log: {folder / 'dbt.log'})")
        _projects.clear()  # of the lake before
        _projects[key] = outcome.result
    return _projects[key].deepcopy()


def _places(folder: Path) -> list[str]:
    """dbt's arguments that say where the project lies, and that what dbt writes is to lie in the folder."""
    where = {"project-dir": settings.DBT_PROJECT, "profiles-dir": settings.ROOT, "target-path": folder, "log-path": folder}
    return [f"--{name}={path}" for name, path in where.items()]


def run_results(home: Path) -> dict[str, Any]:
    """What the last dbt run of the lake did, node by node; dbt writes it also when a node fails."""
    found: dict[str, Any] = json.loads((settings.dbt_target(home) / "run_results.json").read_text())
    return found


def failure(home: Path) -> str:
    """Why the last dbt run failed: how many nodes, the first of them with its reason, the log. One line."""
    log = settings.dbt_target(home) / "dbt.log"
    if not (settings.dbt_target(home) / "run_results.json").exists():
        return f"dbt ended before its first model (log: {log})"
    results = run_results(home)["results"]
    bad = [result for result in results if result["status"] in ("error", "fail", "runtime error")]
    first = _said(bad[0]) if bad else "no reason given"
    return f"{len(bad)} of {len(results)} models and tests failed, first {first} (log: {log})"


def _said(result: dict[str, Any]) -> str:
    # model.kohde.organisations, test.kohde.unique_organisations_business_id.0123abcd
    return f"{result['unique_id'].split('.')[2]}: {_first_line(result['message'])}"


def parse(target_path: Path) -> None:
    """Let dbt read the project and write `manifest.json` into `target_path`; no database is opened.

    In a process of its own: the profile wants KOHDE_HOME, which a mere look at the project must not set for everybody.
    """
    environment = {**os.environ, "KOHDE_HOME": str(settings.home()), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    command = [settings.executable("dbt"), "parse", *_places(target_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildFailed(f"dbt cannot read the project: {' '.join(done.stdout.splitlines()[-3:])}")


def _key() -> str:
    try:
        return keys.current().check()
    except keys.SecretMissing as missing:
        raise Refused(str(missing)) from None


def _readable(warehouse: Path) -> bool:
    try:
        with duckdb.connect(str(warehouse), read_only=True) as db:
            db.execute("SELECT count(*) FROM duckdb_tables()")
        return True
    except duckdb.Error:
        return False


def _drop_leftovers(home: Path) -> None:
    """dbt-duckdb leaves the table that an incremental Python model was made in: no mart, so the publisher would refuse it."""
    with duckdb.connect(str(home / WAREHOUSE)) as db:
        left = db.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE contains(table_name, '__dbt_tmp')"
        ).fetchall()
        for schema, table in left:
            db.execute(f'DROP TABLE "{schema}"."{table}"')


def _forget_warehouse(home: Path) -> None:
    """Remove the warehouse and its log together: one without the other is the mixture DuckDB refuses."""
    for name in (f"{WAREHOUSE}.wal", WAREHOUSE):
        (home / name).unlink(missing_ok=True)


def _first_line(error: object) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:3])[:300] or type(error).__name__


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
