"""The dbt project as assets: every model, seed and test, run as one `dbt build` inside our own frame of lock, plan
and receipt.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets
from dagster_dbt.errors import DagsterDbtCliRuntimeError
from filelock import FileLock

from base import files
from orchestration import settings
from orchestration.build import building, failure, fingerprint, parse, run_results

WRITER = "duckdb_writer"
"""Pool of the one writer DuckDB can have; its limit of 1 is the default of our dagster.yaml."""


class Translator(DagsterDbtTranslator):
    """Names of dbt resources in the graph. A dbt source has the key of its raw asset ([source, dataset]) by Dagster's
    own rule.
    """

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The layer: staging, enriched, marts, or reference for the seeds."""
        return "reference" if dbt_resource_props["resource_type"] == "seed" else str(dbt_resource_props["fqn"][1])


def manifest(project: DbtProject) -> Path:
    """dbt's manifest, parsed anew only when the project has changed: parsing at each load of the definitions costs
    five seconds.
    """
    path, mark = project.manifest_path, project.manifest_path.with_name("fingerprint")
    path.parent.mkdir(exist_ok=True)
    with FileLock(path.parent / ".parse.lock"):
        now = fingerprint()
        if not path.exists() or not mark.exists() or mark.read_text() != now:
            parse(path.parent)
            files.write_text(mark, now)
    return path


PROJECT = DbtProject(project_dir=settings.DBT_PROJECT, profiles_dir=settings.ROOT)


@dbt_assets(
    manifest=manifest(PROJECT),
    project=PROJECT,
    dagster_dbt_translator=Translator(),
    name="build_marts",
    pool=WRITER,
)
def marts(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
    """One dbt build. A run of a part of the models leaves a warehouse that is not published until a whole one
    follows.
    """
    home = settings.export()
    with building(home, always=True) as plan:
        plan.whole = not context.op_execution_context.is_subset
        context.log.info(f"whole new warehouse: {plan.reason}" if plan.reason else f"after {plan.watermarks}")
        for warning in plan.warnings:
            context.log.warning(warning)
        run = dbt.cli(plan.arguments, context=context, target_path=settings.dbt_target(home))
        try:
            yield from run.stream()
        except DagsterDbtCliRuntimeError as error:
            raise dg.Failure(failure(home)) from error
        plan.invocation_id = run_results(home)["metadata"]["invocation_id"]


def dbt_resource() -> DbtCliResource:
    """dbt of our own environment: left to itself Dagster takes a `dbtf` that happens to be on PATH."""
    return DbtCliResource(project_dir=PROJECT, dbt_executable=settings.executable("dbt"))
