"""The reference facts the made-up Finland is drawn from: the product's own seeds, loaded into DuckDB as text.

This is the only module of the generator that knows where the code lists lie. Everything is read as text (postal code
`00100` must keep its zeros); whoever needs a number casts it.
"""

from pathlib import Path

import duckdb

SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds"
NAMES = Path(__file__).parent / "data" / "names.csv"
TITLES = Path(__file__).parent / "data" / "titles.csv"

TABLES = {
    "industries": SEEDS / "industries.csv",
    "industries_2008": SEEDS / "industries_2008.csv",
    "industry_crosswalk": SEEDS / "industry_crosswalk.csv",
    "legal_forms": SEEDS / "legal_forms.csv",
    "municipalities": SEEDS / "municipalities.csv",
    "postal_codes": SEEDS / "postal_codes.csv",
    "register_codes": SEEDS / "register_codes.csv",
    "person_names": NAMES,
    "titles": TITLES,
}

# TOL 2008 names hold 1,800 lines with quoted commas; a sniffer that guesses wrong drops lines silently, so nothing is guessed.
_CSV = "header = true, delim = ',', quote = '\"', escape = '\"', all_varchar = true, auto_detect = false"


def load(connection: duckdb.DuckDBPyConnection) -> None:
    """Create schema `reference` with one table per seed, every column VARCHAR. Raises if a seed is missing."""
    connection.execute("CREATE SCHEMA reference")
    for table, path in TABLES.items():
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline().strip().split(",")
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in header)
        connection.execute(
            f"CREATE TABLE reference.{table} AS FROM read_csv($path, columns = {{{columns}}}, {_CSV})",
            {"path": str(path)},
        )
