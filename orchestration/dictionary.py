"""The data dictionary of the marts, written from what dbt knows of them: the page and the contract cannot disagree.

`python -m orchestration.dictionary` renews docs/reference/marts.md; a test fails while it is out of date.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from base.files import write_text
from orchestration import build, settings

PAGE = settings.ROOT / "docs" / "reference" / "marts.md"

HEAD = """# Marts

Written by `python -m orchestration.dictionary` from `dbt_project/models/marts/_marts.yml`; change that file, not this page.
The types are DuckDB's, a list ends with `[]`. What the column *Rule* says is a constraint of the table itself, here and in
every published copy: a row that breaks it cannot be written.
"""
GRAIN = re.compile(r"\s*Grain and key: ([^.]+)\.")


def mart_dictionary(manifest: Mapping[str, Any]) -> str:
    """The page (Markdown) about every mart in dbt's `manifest`: what it is, its grain, its columns in their order.

    Raises ValueError for a mart whose description does not state `Grain and key: ...`.
    """
    nodes = manifest["nodes"].values()
    marts = [node for node in nodes if node["resource_type"] == "model" and node["path"].startswith("marts/")]
    return "\n".join([HEAD, *(_section(mart) for mart in sorted(marts, key=lambda mart: str(mart["name"])))])


def _section(mart: Mapping[str, Any]) -> str:
    about = " ".join(mart["description"].split())
    if not (grain := GRAIN.search(about)):
        raise ValueError(f"the description of {mart['name']} does not state its grain (Grain and key: ...)")
    rows = [
        f"| `{name}` | `{column['data_type']}` | {_rule(column)} | {_cell(column['description'])} |"
        for name, column in mart["columns"].items()
    ]
    return "\n".join(
        [
            f"## {mart['name']}\n",
            f"{GRAIN.sub('', about).strip()}\n",
            f"Grain and key: {', '.join(f'`{key.strip()}`' for key in grain[1].split(','))}\n",
            "| Column | Type | Rule | What it is |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _rule(column: Mapping[str, Any]) -> str:
    checks = [f"`{_cell(c['expression'])}`" for c in column["constraints"] if c["type"] == "check"]
    return "; ".join([*("not null" for c in column["constraints"] if c["type"] == "not_null"), *checks])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    """Parse the dbt project and renew the page."""
    with TemporaryDirectory() as folder:
        build.parse(Path(folder))
        manifest = json.loads((Path(folder) / "manifest.json").read_text(encoding="utf-8"))
    write_text(PAGE, mart_dictionary(manifest))


if __name__ == "__main__":
    main()
