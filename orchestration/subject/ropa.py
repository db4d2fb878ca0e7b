"""The record of processing (GDPR art. 30) and the map of personal data, written from what the code holds to.

`python -m orchestration.subject.ropa` renews docs/reference/personal-data.md from the fact sheets, the registry of personal
data, dbt's contracts and lineage, and the ledger's tables; a test fails while it is out of date.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from base.files import write_text
from ingest.source import Source
from ledger.tables import ROWS
from orchestration import build, settings
from orchestration.publish import KEPT_VERSIONS
from orchestration.subject import personal_data, retention

PAGE = settings.ROOT / "docs" / "reference" / "personal-data.md"

EARLIER = ", ".join(f"{kind.replace('_', ' ')} {days} days" for kind, days in retention.kinds().items())
HEAD = f"""# Personal data: record of processing and map

Written by `python -m orchestration.subject.ropa` from the fact sheets of the sources, the registry of personal data
(`orchestration/subject/personal.yml`), dbt's contracts and lineage, and the ledger's tables; change those, not this page. A test
builds a made-up Finland and searches every column for what looks like a person's and stands in no registry.

## Record of processing (art. 30)

| | |
|---|---|
| Purposes | keeping a register of decision makers of organisations; direct marketing to businesses by duties at work; keeping customers' own registers true; honouring objections; answering people |
| People | holders of registered roles, sole traders, decision makers named in surveys, people who objected |
| Categories | name, date of birth and register number (to tell people apart), title, work e-mail, telephone and address, areas of responsibility, objections |
| Never | personal identity codes, home addresses, private life, notes of interviewers: refused when they land |
| Recipients | named, per person and file, in the ledger's `disclosure` |
| Transfers outside the EU | none |
| Kept | per source below, from the last look at the person, {EARLIER}; files as received that tell of people {retention.ARCHIVE_DAYS} days; quarantine {retention.QUARANTINE_DAYS} days, logs {retention.LOG_DAYS}, files in the inbox {retention.INBOX_DAYS}, our copies of deliveries {retention.DELIVERY_DAYS}, the last {KEPT_VERSIONS} published versions; the ledger as long as claims can be made |
| Security | ids are keyed hashes, their secret lies outside the lake; files by audience (`analyst.duckdb` has no direct identifier, `marketing.duckdb` no objector); objections are kept as keys |
"""  # noqa: E501


def page(manifest: Mapping[str, Any]) -> str:
    """The page (Markdown), from dbt's `manifest` and what the code itself says."""
    return "\n".join([HEAD, *_sources(), *_raw(), *_warehouse(manifest), *_ledger(), *_lineage(manifest)]) + "\n"


def _sources() -> list[str]:
    rows = [
        f"| `{name}` | {_cell(sheet.publisher)} | {_cell(sheet.legal_basis)} | {sheet.retention_days} |"
        for name in personal_data.sources_of_people()
        for sheet in [Source.load(name)]
    ]
    head = ["## Sources that may tell of people\n", "| Source | Publisher | Legal basis | Kept, days |", "|---|---|---|---|"]
    return [*head, *rows, ""]


def _raw() -> list[str]:
    head = [
        "## Raw\n",
        "Of a record about a person every column counts; named here are those that identify. `_extra`, quarantine's "
        "`original` and `record_key` may hold anything a source wrote.\n",
        "| Dataset | A record is about | Columns |",
        "|---|---|---|",
    ]
    rows = []
    for source in map(Source.load, Source.names()):
        for name, dataset in source.datasets.items():
            if dataset.personal_columns():
                listed = ", ".join(f"`{column}` ({kind})" for column, kind in dataset.personal.items())
                rows.append(f"| `{source.name}.{name}` | {dataset.subject} | {listed} |")
    return [*head, *rows, ""]


def _models(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    return sorted(nodes, key=lambda node: (node["schema"], node["name"]))


def _warehouse(manifest: Mapping[str, Any]) -> list[str]:
    head = [
        "## Published\n",
        "Columns that dbt tags `personal` are left out of `analyst.duckdb`. In staging and enriched, which are never "
        "published, the same names mean the same things.\n",
        "| Table | Columns | Left out for analysts |",
        "|---|---|---|",
    ]
    rows = []
    for node in _models(manifest):
        schema = node["schema"]
        if schema not in ("main", "restricted"):
            continue
        kinds = {c: kind for c in node["columns"] if (kind := personal_data.kind_of(schema, node["name"], c))}
        tagged = [c for c, about in node["columns"].items() if _tagged(about)]
        if kinds or tagged:
            listed = ", ".join(f"`{column}` ({kind})" for column, kind in kinds.items())
            rows.append(f"| `{schema}.{node['name']}` | {listed} | {', '.join(f'`{c}`' for c in tagged) or 'none'} |")
    return [*head, *rows, ""]


def _tagged(column: Mapping[str, Any]) -> bool:
    return bool({**column.get("meta", {}), **column.get("config", {}).get("meta", {})}.get("personal"))


def _ledger() -> list[str]:
    head = [
        "## Ledger\n",
        "Clear text can be erased although rows are never changed: the chain covers a salted digest of it.\n",
        "| Table | Clear text that can be erased | Keys and ids |",
        "|---|---|---|",
    ]
    rows = [
        f"| `{name}` | {', '.join(f'`{c}`' for c in getattr(table, 'SEALED', ())) or 'none'} "
        f"| {', '.join(f'`{c}`' for c in getattr(table, 'KEYED', ())) or 'none'} |"
        for name, table in sorted(ROWS.items())
    ]
    return [*head, *rows, ""]


def _lineage(manifest: Mapping[str, Any]) -> list[str]:
    """Which marts hold something of each source of people, by dbt's lineage."""
    parents = {node["unique_id"]: node.get("depends_on", {}).get("nodes", []) for node in manifest["nodes"].values()}

    def sources(unique_id: str, seen: set[str]) -> set[str]:
        found: set[str] = set()
        for parent in parents.get(unique_id, []):
            if parent.startswith("source."):
                found.add(parent.split(".")[2])
            elif parent not in seen:
                seen.add(parent)
                found |= sources(parent, seen)
        return found

    people = set(personal_data.sources_of_people())
    head = ["## Which tables come from sources of people\n", "| Table | Sources |", "|---|---|"]
    rows = [
        f"| `{node['schema']}.{node['name']}` | {', '.join(f'`{name}`' for name in sorted(found))} |"
        for node in _models(manifest)
        if node["schema"] in ("main", "restricted") and (found := sources(node["unique_id"], set()) & people)
    ]
    return [*head, *rows]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    """Parse the dbt project and renew the page."""
    with TemporaryDirectory() as folder:
        build.parse(Path(folder))
        manifest = json.loads((Path(folder) / "manifest.json").read_text(encoding="utf-8"))
    write_text(PAGE, page(manifest))


if __name__ == "__main__":
    main()
