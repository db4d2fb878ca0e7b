"""Dagster's view: it loads, its graph is the reviewed one, and the daily job does the whole day.

The graph is kept as a text that a person can review: tests/snapshots/asset_graph.txt. After a change that is meant,
`UPDATE_SNAPSHOTS=1 pytest tests/test_definitions.py` writes it anew, and the diff goes into the commit.
"""

import difflib
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
import yaml

from ingest import lake
from ingest.synthetic import generate
from ingest.synthetic.server import RegistryServer
from orchestration import instance
from orchestration.demo import daily_config
from orchestration.publish import connect, current
from orchestration.state import BuildState

SNAPSHOT = Path(__file__).parent / "snapshots" / "asset_graph.txt"
DAY = date(2026, 1, 2)


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    from orchestration.definitions import defs

    return defs


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KOHDE_HOME", str(tmp_path / "lake"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "lake" / "dagster"))
    return tmp_path / "lake"


@pytest.fixture
def dagster(home: Path) -> Iterator[dg.DagsterInstance]:
    instance.prepare(home)
    with dg.DagsterInstance.from_config(str(home / "dagster")) as made:
        yield made


def graph_text(defs: dg.Definitions) -> str:
    """The graph as reviewed: assets with group, upstream assets, freshness and checks; jobs; schedules."""
    graph = defs.resolve_asset_graph()
    checks: dict[dg.AssetKey, list[str]] = {}
    for check in graph.asset_check_keys:
        checks.setdefault(check.asset_key, []).append(check.name)
    lines = ["# assets: key (group); < upstream; ~ freshness (warn, fail); ? check"]
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        lines += ["", f"{key.to_user_string()} ({node.group_name}){'' if node.is_executable else ' not run by Dagster'}"]
        lines += [f"  < {parent.to_user_string()}" for parent in sorted(node.parent_keys)]
        policy = node.freshness_policy
        if isinstance(policy, dg.FreshnessPolicy) and hasattr(policy, "warn_window"):
            windows = (policy.warn_window, policy.fail_window)
            lines.append(f"  ~ {', '.join(f'{window.days * 24 + window.seconds // 3600} h' for window in windows if window)}")
        lines += [f"  ? {name}" for name in sorted(checks.get(key, []))]
    repository = defs.get_repository_def()
    for job in sorted(repository.get_all_jobs(), key=lambda job: job.name):
        if not job.name.startswith("__"):
            lines += ["", f"job {job.name}: {', '.join(sorted(node.name for node in job.nodes))}"]
    for schedule in repository.schedule_defs:
        status = schedule.default_status.value.lower()
        lines.append(f"schedule {schedule.name}: {schedule.cron_schedule} {schedule.execution_timezone}, {status}")
    return "\n".join(lines) + "\n"


def test_graph_is_the_reviewed_one(defs: dg.Definitions) -> None:
    found = graph_text(defs)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(found)
    reviewed = SNAPSHOT.read_text()
    diff = "".join(difflib.unified_diff(reviewed.splitlines(True), found.splitlines(True), "reviewed", "found", n=2))
    assert not diff, f"the graph has changed; if it is meant: UPDATE_SNAPSHOTS=1\n{diff}"


def test_definitions_can_be_loaded_and_every_job_run(defs: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(defs)
    job = defs.resolve_job_def("daily")
    assert job.executor_def is dg.in_process_executor
    writers = {node.name for node in job.nodes if node.definition.pool == "duckdb_writer"}
    assert writers == {"build_marts", "published__current", "delivery__recalls"}


def test_raw_assets_are_the_dbt_sources(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    assert dg.AssetKey(["ytj", "companies"]) in graph.get(dg.AssetKey(["staging", "stg_ytj__companies"])).parent_keys


def test_settings_are_valid_and_silent(home: Path, dagster: dg.DagsterInstance) -> None:
    settings = yaml.safe_load((home / "dagster" / "dagster.yaml").read_text())
    assert settings["telemetry"] == {"enabled": False} and settings["nux"] == {"enabled": False}
    assert dagster.run_monitoring_enabled and dagster.run_retries_enabled
    assert dagster.get_concurrency_config().pool_config.default_pool_limit == 1
    (home / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    instance.prepare(home)
    assert "nux" not in (home / "dagster" / "dagster.yaml").read_text(), "what a person changed stays"


@pytest.fixture(scope="module")
def register(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    folder = tmp_path_factory.mktemp("register")
    generate(500, 7, 1, folder, start=DAY)
    with RegistryServer(folder, day=DAY) as server:
        yield server


def run_daily(defs: dg.Definitions, dagster: dg.DagsterInstance, served: RegistryServer) -> dg.ExecuteInProcessResult:
    config = daily_config(served, served.day)
    return defs.resolve_job_def("daily").execute_in_process(run_config=config, instance=dagster, raise_on_error=False)


def evaluations(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    return {(e.asset_key.to_user_string(), e.check_name): e for e in result.get_asset_check_evaluations()}


def test_daily_job_lands_builds_and_publishes(
    defs: dg.Definitions, dagster: dg.DagsterInstance, register: RegistryServer, home: Path
) -> None:
    result = run_daily(defs, dagster, register)
    assert result.success
    with connect(home) as db:
        assert db.execute("SELECT count(*) FROM organisations WHERE list_contains(sources, 'ytj')").fetchall() == [(500,)]
    receipt = lake.newest(home, "ytj", "companies")
    assert receipt
    materialised = {m.asset_key.to_user_string(): m.metadata for m in result.asset_materializations_for_node("land_ytj")}
    assert materialised["ytj/companies"]["load_id"].value == receipt.load_id
    assert materialised["ytj/companies"]["read"].value == 500 == materialised["ytj/companies"]["dagster/row_count"].value
    (published,) = result.asset_materializations_for_node("published__current")
    assert published.metadata["rows/organisations"].value >= 500
    assert published.metadata["version"].value == current(home).name
    found = evaluations(result)
    assert found["ytj/companies", "bounds"].passed
    assert found["main/organisations", "unique_organisations_business_id"].passed
    assert BuildState.read(home).loads["ytj.companies"] == receipt.load_id

    # The next run finds a register that lost most of its companies: refused, loudly, and readers keep what they had.
    generate(100, 7, 1, home / "shrunk", start=date(2026, 1, 3))
    before = current(home)
    with RegistryServer(home / "shrunk") as shrunk:
        result = run_daily(defs, dagster, shrunk)
    assert not result.success
    bounds = evaluations(result)["ytj/companies", "bounds"]
    assert not bounds.passed and "shrink" in (bounds.description or "")
    assert bounds.metadata["read"].value == 100
    failure = next(event for event in result.all_events if event.is_step_failure)
    assert failure.step_key == "land_ytj" and "shrink" in str(failure.step_failure_data.user_failure_data.description)
    assert current(home) == before
    assert BuildState.read(home).status == "built", "no build was begun"


def test_a_run_whose_process_is_gone_is_reported_failed(dagster: dg.DagsterInstance) -> None:
    import subprocess

    dead = subprocess.Popen(["true"])
    dead.wait()

    @dg.job
    def nothing() -> None:
        pass

    def started(process: int) -> str:
        run = dagster.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED)
        dagster.report_engine_event(f"Started process for run (pid: {process}).", run)
        return run.run_id

    alive, gone = started(os.getpid()), started(dead.pid)
    assert instance.reconcile(dagster) == [gone]
    statuses = {run.run_id: run.status for run in dagster.get_runs()}
    assert statuses == {alive: dg.DagsterRunStatus.STARTED, gone: dg.DagsterRunStatus.FAILURE}
    assert instance.reconcile(dagster) == []
