"""The models' compiled SQL, run bare in one DuckDB process: no dbt between, no tests, no contracts.

What a build costs beyond its SQL is told by the difference; and a proof that needs hundreds of builds can afford them.
"""

import tempfile
from collections.abc import Collection, Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb

from ledger import dbt_plugin
from orchestration import settings
from orchestration.build import dbt_arguments
from orchestration.state import WAREHOUSE


class Bare:
    """The dbt project of one lake, compiled once; `run` makes its models anew as often as is asked."""

    def __init__(self, home: Path, variables: dict[str, Any] | None = None) -> None:
        """Compile and load the seeds. The lake must be prepared (ingest.lake.prepare); costs ten seconds, once.

        Raises RuntimeError when dbt cannot compile.
        """
        self.home = settings.export(home)
        self.nodes = {node["unique_id"]: node for node in _compiled(self.home)}
        parents = {key: [one for one in node["depends_on"]["nodes"] if one in self.nodes] for key, node in self.nodes.items()}
        self.order = list(TopologicalSorter(parents).static_order())
        self.connect()

    def connect(self) -> None:
        """Open the warehouse, also again after `close`: while it is open nobody else can."""
        self.db = duckdb.connect(str(self.home / WAREHOUSE), config={"preserve_insertion_order": "false", "threads": "2"})
        dbt_plugin.Plugin(name="bare", plugin_config={}).configure_connection(self.db)
        for schema in {node["schema"] for node in self.nodes.values()}:
            self.db.execute(f'create schema if not exists "{schema}"')

    def throw_away(self) -> None:
        """Leave nothing of the warehouse but the code lists, in a new file. It has to be closed."""
        old = self.home / WAREHOUSE
        with tempfile.TemporaryDirectory(dir=self.home) as folder:
            with duckdb.connect(str(Path(folder) / WAREHOUSE)) as db:
                db.execute(f"attach '{old}' as old (read_only); create schema reference")
                tables = db.execute(
                    "select table_name from duckdb_tables() where database_name = 'old' and schema_name = 'reference'"
                )
                for (name,) in tables.fetchall():
                    db.execute(f"create table reference.{name} as from old.reference.{name}")
            (Path(folder) / WAREHOUSE).replace(old)

    def run(self, models: Collection[str] | None = None, sql: dict[str, str] | None = None) -> None:
        """Make the models anew, in their order; by default all. `sql`: model -> text in place of its own."""
        for key in self.order:
            node = self.nodes[key]
            if models is not None and node["name"] not in models:
                continue
            self._make(node, (sql or {}).get(node["name"], node["compiled_code"]))

    def downstream(self, *models: str) -> set[str]:
        """The models, and all that are made of them."""
        found = {key for key, node in self.nodes.items() if node["name"] in models}
        for key in self.order:
            if found & set(self.nodes[key]["depends_on"]["nodes"]):
                found.add(key)
        return {self.nodes[key]["name"] for key in found}

    def upstream(self, *models: str) -> set[str]:
        """The models, and all that they are made of."""
        found = {key for key, node in self.nodes.items() if node["name"] in models}
        for key in reversed(self.order):
            if key in found:
                found.update(one for one in self.nodes[key]["depends_on"]["nodes"] if one in self.nodes)
        return {self.nodes[key]["name"] for key in found}

    def named(self, model: str) -> str:
        """A model's table as SQL names it."""
        (node,) = (node for node in self.nodes.values() if node["name"] == model)
        return f'"{node["schema"]}"."{node.get("alias") or model}"'

    def close(self) -> None:
        """Let go of the warehouse."""
        self.db.close()

    def _make(self, node: dict[str, Any], sql: str) -> None:
        name = self.named(node["name"])
        if node["language"] == "python":
            made = _python_model(node)(_Dbt(self, node), self.db)
            self.db.register("_made", made)
            self.db.execute(f"create or replace table {name} as select * from _made")
            self.db.unregister("_made")
            return
        kind = "view" if node["config"]["materialized"] == "view" else "table"
        self.db.execute(f"create or replace {kind} {name} as {sql}")


class _Dbt:
    """As much of dbt's hand as our Python models take."""

    is_incremental = False

    def __init__(self, bare: Bare, node: dict[str, Any]) -> None:
        self._bare, self.this = bare, f'"{node["schema"]}"."{node["name"]}"'

    def config(self, **_: object) -> None:
        """What it says was read when it was compiled."""

    def ref(self, name: str) -> duckdb.DuckDBPyRelation:
        """A model's table, or else a seed's."""
        schemas = [node["schema"] for node in self._bare.nodes.values() if node["name"] == name] or ["reference"]
        return self._bare.db.table(f'"{schemas[0]}"."{name}"')


def _python_model(node: dict[str, Any]) -> Any:
    space: dict[str, Any] = {}
    exec(compile(node["raw_code"], node["original_file_path"], "exec"), space)  # our own file, as dbt runs it
    return SimpleNamespace(**space).model


def _compiled(home: Path) -> Iterator[dict[str, Any]]:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    for command in ("seed", "compile"):
        try:
            done = dbtRunner().invoke(["--log-level", "none", *dbt_arguments(home, full_refresh=True, command=command)])
        finally:
            DuckDBConnectionManager.close_all_connections()
        if not done.success:
            raise RuntimeError(f"dbt {command}: {done.exception or 'failed'}")
    for result in done.result.results:
        node = result.node.to_dict()
        if node["resource_type"] == "model":
            yield node
