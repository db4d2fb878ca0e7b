"""Where things lie and what the environment says. Nothing here is read from a file: one machine, one environment, no
secret in the code.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DBT_PROJECT = ROOT / "dbt_project"
DEMO_MARK = "DEMO"
"""A lake with a file of this name was made by `kohde demo`: it may be thrown away, and no real register may be landed
in it.
"""


def home() -> Path:
    """The lake of this session: KOHDE_HOME, else ./lake."""
    from ingest import lake  # brings Arrow along, which a mere look at the settings need not wait for

    return lake.home().resolve()


def export(lake_folder: Path | None = None) -> Path:
    """Resolve the lake and tell child processes (dbt, Dagster) about it by absolute path. Returns the lake's folder."""
    resolved = lake_folder.resolve() if lake_folder else home()
    os.environ["KOHDE_HOME"] = str(resolved)
    os.environ["DAGSTER_HOME"] = str(dagster_home(resolved))
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    if is_demo(resolved) and not os.environ.get("KOHDE_SECRET"):
        os.environ.setdefault("KOHDE_SECRET_FILE", str(demo_secret(resolved)))
    return resolved


def dagster_home(home: Path) -> Path:
    """Dagster's run history and settings of this lake."""
    return home / "dagster"


def dbt_target(home: Path) -> Path:
    """dbt's own output (manifest, run results, log) of this lake: two lakes never share one."""
    return home / "dbt"


def origin(source: str) -> str | None:
    """The address that replaces a source's own one: KOHDE_YTJ_URL for `ytj`. None = the source's own."""
    return os.environ.get(f"KOHDE_{source.upper()}_URL") or None


def is_demo(home: Path) -> bool:
    """Was this lake made by `kohde demo`?"""
    return (home / DEMO_MARK).exists()


def demo_secret(home: Path) -> Path:
    """The secret of a lake of the demo: beside the lake, as no secret lies in one, and never the one of real persons."""
    return home.with_name(f"{home.name}.secret")


def executable(name: str) -> str:
    """A console script of our own environment, never one that merely comes first on PATH."""
    return str(Path(sys.executable).parent / name)
