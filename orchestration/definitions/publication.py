"""The published files as one asset, downstream of every mart."""

from collections.abc import Iterable

import dagster as dg

from orchestration import settings
from orchestration.definitions.marts import WRITER
from orchestration.definitions.raw import FRESH
from orchestration.publish import publish


def published_asset(marts: Iterable[dg.AssetKey]) -> dg.AssetsDefinition:
    """registry.duckdb and analyst.duckdb as a new version, and the pointer to it."""

    @dg.asset(
        key=["published", "current"],
        deps=sorted(marts),
        group_name="published",
        kinds={"duckdb"},
        freshness_policy=FRESH,
        pool=WRITER,
    )
    def published() -> dg.MaterializeResult[None]:
        """The version in service: what readers find behind `published/current`."""
        receipt = publish(settings.export())
        return dg.MaterializeResult(
            metadata={
                "version": receipt.version,
                "path": dg.MetadataValue.path(receipt.path),
                "dagster/row_count": sum(receipt.tables.values()),
                **{f"rows/{table}": rows for table, rows in receipt.tables.items()},
                "loads": receipt.loads,
                "dbt_invocation": receipt.invocation_id,
            }
        )

    return published
