"""Reference pages written from what the code holds to: marts from dbt's contracts, sources from their fact sheets, lineage.

`python -m orchestration.dictionary` renews docs/reference/marts.md, sources.md and lineage.md with its picture; a test fails
while one is out of date.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from base.files import write_text
from ingest.source import Source
from orchestration import build, lineage, settings

PAGE = settings.ROOT / "docs" / "reference" / "marts.md"

HEAD = """# Marts

Written by `python -m orchestration.dictionary` from `dbt_project/models/marts/_marts.yml`; change that file, not this page.
The types are DuckDB's, a list ends with `[]`. What the column *Rule* says is a constraint of the table itself, here and in
every published copy: a row that breaks it cannot be written.
"""
GRAIN = re.compile(r"\s*Grain and key: ([^.]+)\.")


SOURCES_PAGE = settings.ROOT / "docs" / "reference" / "sources.md"
SOURCES_HEAD = """# Sources

Written by `python -m orchestration.dictionary` from `ingest/sources/*/source.yml`; change the fact sheet, not this page. There
each source's fields and quirks stand in full. How a load is judged and where it lies: [the lake](lake.md).
"""


def source_pages(sources: list[Source]) -> str:
    """The page (Markdown) about every source: whose it is, why we may, what lands, what is refused and how long it is kept."""
    sections = [SOURCES_HEAD]
    for source in sources:
        refused = "; ".join(f"`{field}`: {_cell(reason)}" for field, reason in source.fields_refused.items())
        sections += [
            f"## {source.name}\n",
            f"{_cell(source.publisher)}. {_cell(source.legal_basis)}\n",
            f"Licence: {_cell(source.licence)}. Attribution: {_cell(source.attribution)}. Cadence: {source.cadence}. "
            f"Kept for {source.retention_days} days.\n",
            "| Dataset | What it is | Key | Cadence | Floor and ceiling |",
            "|---|---|---|---|---|",
            *(
                f"| `{name}` | {_cell(d.description)} | {', '.join(f'`{k}`' for k in d.key)} | {d.cadence} "
                f"| {d.bounds.floor} to {d.bounds.ceiling or 'any'} |"
                for name, d in source.datasets.items()
            ),
            *([f"\nRefused: {refused}"] if refused else []),
            "",
        ]
    return "\n".join(sections)


def mart_dictionary(manifest: Mapping[str, Any]) -> str:
    """The page (Markdown) about every mart in dbt's `manifest`: what it is, its grain, its columns in their order.

    Raises ValueError for a mart whose description does not state `Grain and key: ...`.
    """
    nodes = manifest["nodes"].values()
    marts = [node for node in nodes if node["resource_type"] == "model" and node["path"].startswith(("marts/", "restricted/"))]
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
            f"## {'' if mart['schema'] == 'main' else mart['schema'] + '.'}{mart['name']}\n",
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
    """Parse the dbt project and renew the pages."""
    write_text(SOURCES_PAGE, source_pages([Source.load(name) for name in Source.names()]))
    with TemporaryDirectory() as folder:
        build.parse(Path(folder))
        manifest = json.loads((Path(folder) / "manifest.json").read_text(encoding="utf-8"))
    write_text(PAGE, mart_dictionary(manifest))
    write_text(lineage.PAGE, lineage.page(manifest))
    write_text(lineage.PICTURE, lineage.picture(manifest))


if __name__ == "__main__":
    main()
