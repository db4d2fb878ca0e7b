"""Build a source's staging models over a lake, as the build would, and read them."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest import lake
from orchestration.build import dbt_arguments, run_dbt


def build_staging(home: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """dbt build (models and their tests) of models/staging/<source> into the lake's warehouse. Fails with what dbt says."""
    monkeypatch.setenv("KOHDE_HOME", str(home))
    monkeypatch.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    lake.prepare(home)
    done, _, _ = run_dbt(home, [*dbt_arguments(home), "--select", f"path:models/staging/{source}"])
    assert done


def staged(home: Path, query: str) -> list[dict[str, Any]]:
    """The rows of a query over the built staging models (their schema need not be named)."""
    # The views read the lake relatively to nothing: KOHDE_HOME was absolute when they were made.
    with duckdb.connect(home / "warehouse.duckdb", read_only=True) as con:
        con.execute("use staging")
        result = con.execute(query)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
