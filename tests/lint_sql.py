"""`python -m tests.lint_sql`: sqlfluff over the dbt project, compiled by dbt against an empty lake."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Run sqlfluff with the dbt templater; the warehouse it compiles against lives in a scratch folder."""
    with tempfile.TemporaryDirectory() as scratch:
        environment = os.environ | {"KOHDE_HOME": scratch, "DBT_PROFILES_DIR": str(ROOT)}
        command = [Path(sys.executable).with_name("sqlfluff"), "lint", "dbt_project/models", "dbt_project/tests"]
        return subprocess.run([*map(str, command), "--disable-progress-bar"], cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
