"""The lineage page and its picture: what each published table is made of, out of which sources, and who reads it.

Written by `python -m orchestration.dictionary` from dbt's manifest, what orchestration/publish.py puts into which file, the
registry of personal data and the SQL of `delivery/`; a test fails while one is out of date.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any

from orchestration import publish, settings
from orchestration.subject import personal_data

PAGE = settings.ROOT / "docs" / "reference" / "lineage.md"
PICTURE = settings.ROOT / "docs" / "images" / "lineage.svg"
HEAD = """# Lineage

Written by `python -m orchestration.dictionary` from dbt's manifest, `orchestration/publish.py` and the SQL of `delivery/`;
change those, not this page. What the columns mean: [marts](marts.md). Where people stand: [personal data](personal-data.md).

Source, raw, staging (one view a dataset), enriched (numbered stages), marts, published files, and what leaves the house.
`lake`: the receipts of loads; `ledger`: objections, notices, corrections and judgements. A filled
dot: the source tells of the mart through staging and enriched models alone. A ring: only
through another mart.

![Which mart is made of which source, and lies in which file](../images/lineage.svg)

## Marts out of marts

An arrow: the one is read, by way of enriched models, while the other is made. Where a longer way goes round, the short one
is not drawn. How the ledger's objections go through the gates: [gates](../explanation/gates.md).
"""
FILES = ("registry", "analyst", "marketing")
LAYERS = ("staging", "10_map", "20_union", "30_resolve", "40_enrich", "50_gate")


@dataclass
class Mart:
    """A published table and what it is made of. direct: sources with no other mart between; far: the others."""

    name: str
    about: str
    direct: list[str]
    far: list[str]
    marts: list[str]
    models: dict[str, list[str]]
    code_lists: list[str]
    personal: dict[str, str]
    files: dict[str, str]
    is_delivered: bool


def marts(manifest: Mapping[str, Any]) -> list[Mart]:
    """Every published table of dbt's `manifest`, in the order of their names."""
    nodes = manifest["nodes"]
    found = [key for key, node in nodes.items() if node["resource_type"] == "model" and _is_mart(node)]

    @cache
    def above(key: str) -> frozenset[str]:
        """Everything it is made of without another mart between, and those marts."""
        parents = nodes[key]["depends_on"].get("nodes", []) if key in nodes else []
        return frozenset(parents).union(*(above(p) for p in parents if not (p in nodes and _is_mart(nodes[p]))))

    @cache
    def sources(key: str) -> frozenset[str]:
        return frozenset(k.split(".")[2] for k in every(key) if k.startswith("source."))

    @cache
    def every(key: str) -> frozenset[str]:
        """Marts are never made of themselves in a circle: dbt refuses one."""
        return above(key).union(*(every(parent) for parent in above(key) if parent in nodes and _is_mart(nodes[parent])))

    made = []
    for key in sorted(found, key=lambda key: str(nodes[key]["name"])):
        node, parents = nodes[key], above(key)
        direct = {k.split(".")[2] for k in parents if k.startswith("source.")}
        models = [nodes[k] for k in parents if k.startswith("model.") and not _is_mart(nodes[k])]
        made.append(
            Mart(
                name=_label(node),
                about=node["description"].split(". ")[0].rstrip("."),
                direct=sorted(direct),
                far=sorted(sources(key) - direct),
                marts=sorted(_label(nodes[k]) for k in parents if k in nodes and _is_mart(nodes[k])),
                models={
                    layer: names
                    for layer in LAYERS
                    if (names := sorted(model["name"] for model in models if layer in model["path"].split("/")))
                },
                code_lists=sorted(nodes[k]["name"] for k in parents if k.startswith("seed.")),
                personal={
                    column: kind
                    for column in node["columns"]
                    if (kind := personal_data.kind_of(node["schema"], node["name"], column))
                },
                files=_files(node),
                is_delivered=_is_delivered(node),
            )
        )
    return made


def page(manifest: Mapping[str, Any]) -> str:
    """The page (Markdown)."""
    found = marts(manifest)
    return "\n".join([HEAD, *_graph(found), "", *(_section(mart) for mart in found)])


def picture(manifest: Mapping[str, Any]) -> str:
    """The matrix (SVG): a row for each mart; columns: sources, then published files."""
    found = marts(manifest)
    sources = sorted({name for mart in found for name in [*mart.direct, *mart.far]})
    columns = [*sources, *FILES]
    left, top, step = 210, 130, 22
    width, height = left + step * (len(columns) + 1) + 60, top + step * len(found) + 16
    gap = {name: left + step * at + (step if name in FILES else 0) for at, name in enumerate(columns)}
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for name, x in gap.items():
        shown = f"{name}.duckdb" if name in FILES else name
        lines.append(f'<text transform="translate({x + 4} {top - 12}) rotate(-50)">{escape(shown)}</text>')
    for number, mart in enumerate(found):
        y = top + step * number
        if number % 2 == 0:
            lines.append(f'<rect x="0" y="{y - step / 2:g}" width="{width}" height="{step}" fill="#f2f5f7"/>')
        weight = ' font-weight="bold"' if mart.personal else ""
        lines.append(f'<text x="{left - 16}" y="{y + 4}" text-anchor="end"{weight}>{escape(mart.name)}</text>')
        lines += [f'<circle cx="{gap[name]}" cy="{y}" r="6" fill="#0b5c7a"/>' for name in mart.direct]
        lines += [
            f'<circle cx="{gap[name]}" cy="{y}" r="5" fill="#fff" stroke="#0b5c7a" stroke-width="1.5"/>' for name in mart.far
        ]
        lines += [f'<rect x="{gap[name] - 6}" y="{y - 6}" width="12" height="12" fill="#b3541e"/>' for name in mart.files]
    lines.append('<text x="12" y="20">bold: has columns about people</text>')
    return "\n".join([*lines, "</svg>", ""])


def _graph(found: list[Mart]) -> Iterable[str]:
    """A mermaid graph of marts; Git hosts draw it. An arrow that a longer way goes round already is left out."""
    parents = {mart.name: set(mart.marts) for mart in found}

    def above(name: str) -> set[str]:
        return parents[name].union(*map(above, parents[name]))

    yield "```mermaid"
    yield "flowchart LR"
    yield from (f"  {_node(mart.name)}[{mart.name}]" for mart in found)
    for name, nearest in parents.items():
        roundabout = set().union(*map(above, nearest))
        yield from (f"  {_node(parent)} --> {_node(name)}" for parent in sorted(nearest - roundabout))
    yield "```"


def _section(mart: Mart) -> str:
    personal = ", ".join(f"`{column}` ({kind})" for column, kind in mart.personal.items())
    files = ", ".join(f"`{file}.duckdb`{f' as `{name}`' if name else ''}" for file, name in mart.files.items())
    lines = [
        ("Sources", ", ".join([*mart.direct, *(f"{name} (through marts)" for name in mart.far)])),
        ("Marts", _names(mart.marts)),
        *((layer, _names(names)) for layer, names in mart.models.items()),
        ("Code lists", _names(mart.code_lists)),
        ("About people", personal),
        ("Published in", files),
        ("Read by", "`delivery`" if mart.is_delivered else ""),
    ]
    told = [f"| {what} | {value} |" for what, value in lines if value]
    return "\n".join([f"## {mart.name}\n", f"{' '.join(mart.about.split())}.\n", "| | |", "|---|---|", *told, ""])


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _is_mart(node: Mapping[str, Any]) -> bool:
    return node["resource_type"] == "model" and node["schema"] in ("main", "restricted")


def _label(node: Mapping[str, Any]) -> str:
    return publish.Table(node["schema"], node["name"]).label


def _node(label: str) -> str:
    return label.replace(".", "_")


def _files(node: Mapping[str, Any]) -> dict[str, str]:
    """File -> the table's name in it, empty where it is the same."""
    found = {file: "" for file, schemas in publish.FILES.items() if node["schema"] in schemas}
    if name := publish.MARKETING.get(node["name"]):
        found["marketing"] = name if name != node["name"] else ""
    return found


@cache
def _delivery() -> str:
    paths = [path for path in (settings.ROOT / "delivery").rglob("*") if path.suffix in (".py", ".sql")]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def _is_delivered(node: Mapping[str, Any]) -> bool:
    """Whether SQL of delivery/ names the table where it is published."""
    names = [f"registry.{_label(node)}"]
    if node["name"] in publish.MARKETING:
        names.append(f"marketing.{publish.MARKETING[node['name']]}")
    return any(re.search(rf"\b{re.escape(name)}\b", _delivery()) for name in names)
