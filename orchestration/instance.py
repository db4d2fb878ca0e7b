"""Dagster's instance of a lake: its folder, its settings, and order after a power cut."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from base import files
from orchestration import settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

TEMPLATE = Path(__file__).with_name("dagster.yaml")


def prepare(home: Path) -> Path:
    """Put our settings into the lake's DAGSTER_HOME (a file somebody changed by hand is left alone) and return it."""
    folder = settings.dagster_home(settings.export(home))
    if not (folder / "dagster.yaml").exists():
        files.write_text(folder / "dagster.yaml", TEMPLATE.read_text(encoding="utf-8"))
    return folder


def reconcile(instance: "DagsterInstance") -> list[str]:
    """Report every run as failed whose process is gone, and free its slots; returns the run ids.

    After a power cut Dagster itself leaves such runs STARTED for ever, and their pool slot taken: its run monitoring
    cannot look into a local process. Called before the daemon starts, on the machine that runs it.
    """
    import dagster as dg

    unfinished = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    gone = []
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=unfinished)):
        if any(_alive(process) for process in _processes(instance, run.run_id)):
            continue
        instance.report_run_failed(run, "its process is gone (power cut or kill); reported by kohde at start")
        if instance.event_log_storage.supports_global_concurrency_limits:
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        gone.append(run.run_id)
    return gone


def _processes(instance: "DagsterInstance", run: str) -> set[int]:
    """Process ids that a run's own events name: its worker, or the process that runs it in itself."""
    found: set[int] = set()
    for entry in instance.all_logs(run):
        found |= {int(number) for number in re.findall(r"\(pid: (\d+)\)", entry.message or entry.user_message)}
        data = (
            entry.dagster_event.engine_event_data.metadata
            if entry.dagster_event and entry.dagster_event.is_engine_event
            else {}
        )
        if "pid" in data:
            found.add(int(str(data["pid"].value)))
    return found


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
