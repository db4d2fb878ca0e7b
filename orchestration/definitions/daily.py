"""The daily run: land, build, publish, at 05:30 Helsinki time."""

import dagster as dg


def daily_job(sources: list[str], *layers: dg.AssetsDefinition) -> object:
    """Everything the day needs: the sources with a daily cadence, the dbt project, the publication."""
    return dg.define_asset_job(
        "daily",
        selection=dg.AssetSelection.groups(*sources) | dg.AssetSelection.assets(*layers),
        description="Land what is new, build and test, publish.",
        # One run at a time does all; a process for each step would import dbt and Dagster anew every time.
        executor_def=dg.in_process_executor,
    )


def daily_schedule(job: object) -> dg.ScheduleDefinition:
    """05:30 in Helsinki: after PRH's nightly dump, and outside 03:00-04:00, an hour that is missing or double twice a
    year.

    Switched on by hand (docs/how-to/run-daily.md): a page opened to have a look must not call the register next
    morning.
    """
    return dg.ScheduleDefinition(job=job, cron_schedule="30 5 * * *", execution_timezone="Europe/Helsinki")  # type: ignore[arg-type]
