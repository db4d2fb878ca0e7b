"""Gives dbt's SQL the function keyed(purpose, text), so that no secret stands in SQL, logs or manifests; name_keys(text),
promised_name_keys(text) and address_key(text).

dbt-duckdb loads this module by its name in profiles.yml and registers the function on its database. The secret is read when
the function is first called: parsing, linting and models without persons need none.
"""

from collections.abc import Callable, Iterable
from functools import cached_property

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from dbt.adapters.duckdb.plugins import BasePlugin

from base.normalise import address_key, name_keys
from ledger import keys, subjects


class Plugin(BasePlugin):
    """The plugin that profiles.yml names."""

    @cached_property
    def _key(self) -> keys.Key:
        return keys.current()

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Register keyed(purpose, text) -> text; null text gives null. Same text, same id, in every query and build."""
        conn.create_function("keyed", self._keyed, ["VARCHAR", "VARCHAR"], "VARCHAR", type="arrow")  # type: ignore[call-overload]
        # Null stays null: DuckDB asks only for texts that are there.
        for name, of_text in (("name_keys", name_keys), ("promised_name_keys", subjects.promised_name_keys)):
            conn.create_function(name, _listed(of_text), ["VARCHAR"], "VARCHAR[]", type="arrow")  # type: ignore[call-overload]
        conn.create_function("address_key", _address_keys, ["VARCHAR"], "VARCHAR", type="arrow")  # type: ignore[call-overload]

    def _keyed(self, purposes: pa.ChunkedArray, texts: pa.ChunkedArray) -> pa.Array:
        ids: list[str | None] = [None] * len(texts)
        # A query has one purpose as a rule; each is done in one go.
        for purpose in pc.unique(purposes).to_pylist():
            at = pc.indices_nonzero(pc.equal(purposes, purpose))
            for place, made in zip(at.to_pylist(), self._key.keyed(texts.take(at), purpose), strict=True):
                ids[place] = made
        return pa.array(ids, pa.string())


def _listed(of_text: Callable[[str], Iterable[str]]) -> Callable[[pa.ChunkedArray], pa.Array]:
    return lambda texts: pa.array([sorted(of_text(text)) for text in texts.to_pylist()], pa.list_(pa.string()))


def _address_keys(texts: pa.ChunkedArray) -> pa.Array:
    return pa.array([address_key(text) for text in texts.to_pylist()], pa.string())
