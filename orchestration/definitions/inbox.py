"""The inbox as Dagster sees it: a sensor that looks for complete files, and the job that takes them."""

import dagster as dg

from ingest import inbox, lake
from orchestration import landing, settings

LOOK_SECONDS = 60
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


@dg.op
def take_inbox(context: dg.OpExecutionContext) -> None:
    """Take every complete file: land it, answer it, and tell of its loads on their assets. A refused file fails nothing:
    its sender has the answer."""
    home = settings.export()
    receipts = inbox.run(home, land=lambda source, path: landing.land(source, str(path), None, home))
    loads = {manifest.load_id: manifest for manifest in lake.manifests(home)}
    for receipt in receipts:
        context.log.info(f"{receipt.path}: {receipt.verdict} {receipt.reason or ''} {receipt.rows}")
        for load in receipt.loads if receipt.verdict != "unchanged" else []:
            if (manifest := loads[load["load_id"]]).verdict == "accepted":
                context.log_event(
                    dg.AssetMaterialization(
                        dg.AssetKey([manifest.source, manifest.dataset]),
                        metadata={"load_id": manifest.load_id, "receipt": receipt.path, **vars(manifest.counts)},
                    )
                )


@dg.job(description="Land the files that people have put into the inbox, and answer them.", executor_def=dg.in_process_executor)
def inbox_job() -> None:
    """One run takes all that waits."""
    take_inbox()


@dg.sensor(job=inbox_job, minimum_interval_seconds=LOOK_SECONDS)
def inbox_sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run when a complete file waits and no run is at it. Switched on by hand, as the daily schedule is.

    No run key: a file that a failed run left behind must be tried again.
    """
    waiting = inbox.waiting(settings.export())
    if not waiting:
        return dg.SkipReason("the inbox is empty")
    if context.instance.get_runs_count(dg.RunsFilter(job_name=inbox_job.name, statuses=UNFINISHED)):
        return dg.SkipReason("a run is taking the inbox in")
    return dg.RunRequest(tags={"files": str(len(waiting))})
