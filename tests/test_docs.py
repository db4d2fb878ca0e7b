"""The docs tell the truth about names: links, paths, commands, decisions and reason codes that they mention are there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from orchestration import cli

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
INGEST = [*sorted((ROOT / "ingest").rglob("*.py")), ROOT / "base" / "tables.py"]
# What takes a reason code as its first argument.
GIVERS = {"LandingRefused", "Check", "Verdict"}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def code(page: Path) -> Iterator[str]:
    """Lines of fenced blocks, and inline code."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def anchors(page: Path) -> set[str]:
    """As Git hosts make them of headings: lower case, without punctuation, blanks to dashes."""
    headings = re.findall(r"^#+ +(.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", h).lower()).strip().replace(" ", "-") for h in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name(page)}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{name(page)}: {link}"


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 200


def test_every_page_is_in_the_index() -> None:
    linked = {
        (DOCS / link).resolve() for link in re.findall(r"\]\(([^)#\s]+)", (DOCS / "README.md").read_text(encoding="utf-8"))
    }
    missing = {name(page) for page in DOCS.rglob("*.md") if page.name != "README.md"} - {
        name(page) for page in linked if page.is_relative_to(ROOT)
    }
    assert not missing


def test_decisions_have_one_number_each_and_say_what_why_and_what_then() -> None:
    pages = sorted((DOCS / "adr").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {int(page.name[:4])}. ")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"], page.name


def commands() -> dict[str, set[str]]:
    """`registry serve` -> its options, of every command there is."""

    def walk(command: Any, path: str) -> Iterator[tuple[str, set[str]]]:
        for word, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, f"{path} {word}".strip())
        if not hasattr(command, "commands"):
            yield path, {option for parameter in command.params for option in parameter.opts}

    return dict(walk(typer.main.get_command(cli.app), ""))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_named_are_there(page: Path) -> None:
    known = commands()
    for line in code(page):
        for words in re.findall(r"(?:^|[\s/;&|])kohde ([a-z][^;&|#]*)", line):
            found = next((path for path in known if re.match(rf"{path}\b", words)), None)
            assert found, f"{name(page)}: kohde {words}"
            options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", re.sub(r'"[^"]*"', "", words)))
            assert options <= known[found] | {"--help", "--debug"}, f"{name(page)}: kohde {words}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_models_and_tests_named_are_there(page: Path) -> None:
    files = {path.name for path in [*ROOT.glob("tests/**/*"), *ROOT.glob("dbt_project/**/*"), *ROOT.glob("ingest/**/*")]}
    defined = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/*.py"))
    for text in code(page):
        for path in re.findall(r"\b(?:base|ingest|dbt_project|orchestration|tests|docs|bench)/[\w./-]+\.\w+", text):
            assert (ROOT / path).exists(), f"{name(page)}: {path}"
        for model in re.findall(r"\b((?:stg_[a-z]+__|enr_)[a-z_]+)\b(?!\.\.\.)(?!_*<)", text):
            known = any(f"{model}.{kind}" in files for kind in ("sql", "py", "yml"))
            assert model.endswith("_") or known, f"{name(page)}: {model}"
        for test in re.findall(r"\btest_[a-z_]+\b(?!\.py)", text):
            assert f"def {test}(" in defined or f"{test}.py" in files, f"{name(page)}: {test}"


def texts(node: ast.AST) -> Iterator[str]:
    """The text constants of an expression; the part of an f-string that varies is NNN."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(v.value) if isinstance(v, ast.Constant) else "NNN" for v in node.values)
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)


def reasons() -> dict[str, str]:
    """Reason code -> the file that gives it: of refused loads, retried answers, and quarantined records in Python and SQL."""
    found: dict[str, str] = {}
    for path in INGEST:
        if "synthetic" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        assigned = {
            target.id: node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in GIVERS and node.args:
                first = node.args[0]
                first = assigned.get(first.id, first) if isinstance(first, ast.Name) else first
                found |= dict.fromkeys(texts(first), path.name)
            if isinstance(node, ast.Tuple) and any(
                name.endswith("FAULTS") and value is node for name, value in assigned.items()
            ):
                found |= {reason: path.name for element in node.elts for reason in texts(element)}
            # fault = ("ragged", None), also inside an expression.
            if isinstance(node, ast.Assign) and any(getattr(t, "attr", getattr(t, "id", "")) == "fault" for t in node.targets):
                inner = [part for part in ast.walk(node.value) if isinstance(part, ast.Tuple)]
                found |= {reason: path.name for part in inner for reason in texts(part.elts[0])}
        # In SQL: ['encoding', '$'] of the parser, and texts selected as a reason.
        patterns = r"\['([a-z_]+)', '[$\w.\[\]]+'\]", r"_key, '([a-z_]+)', '_key'", r"'([a-z_]+)', null\) as _reason"
        for pattern in patterns:
            found |= dict.fromkeys(re.findall(pattern, text), path.name)
    return found


def documented() -> set[str]:
    """The codes in the first column of the reason tables of the lake's page, and of the page on files that people send."""
    tables = ""
    for page, heading in (("lake.md", "### Reasons for a record"), ("people-files.md", "## What a row must be")):
        text = (DOCS / "reference" / page).read_text(encoding="utf-8")
        tables += text[text.index(heading) :]
    return {
        code for line in tables.splitlines() if line.startswith("| `") for code in re.findall(r"`(\w+)`", line.split("|")[1])
    }


def test_the_reasons_are_found_in_every_way_they_are_given() -> None:
    """So that a new way of giving one does not empty the next test."""
    found = reasons()
    for code_of in (
        "busy",
        "status_NNN",
        "zip_crc",
        "bid_missing",
        "bid_shape",
        "conflicting_duplicate",
        "key_missing",
        "field_count",
    ):
        assert code_of in found


def test_every_reason_is_in_the_reference_and_nothing_else() -> None:
    found = reasons()
    assert not {f"{reason} ({file})" for reason, file in found.items() if reason not in documented()}
    written = "\n".join(path.read_text(encoding="utf-8") for path in INGEST if "synthetic" not in path.parts)
    stale = {reason for reason in documented() - set(found) if not re.search(rf"[\"']{reason}[\"']", written)}
    assert not stale, "documented, but nothing gives it"


def test_every_reason_of_a_load_has_advice() -> None:
    pages = [DOCS / "how-to" / "when-a-load-is-refused.md", DOCS / "how-to" / "renew-reference-data.md"]
    advice = {word for page in pages for word in re.findall(r"`(\w+)`", page.read_text(encoding="utf-8"))}
    text = (DOCS / "reference" / "lake.md").read_text(encoding="utf-8")
    table = text[text.index("### Reasons for a file or a load") :]
    wanted = {
        code for line in table.splitlines() if line.startswith("| `") for code in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert not wanted - advice


def test_every_bound_and_receipt_field_is_in_the_reference() -> None:
    from ingest.lake import SYSTEM_COLUMNS, Counts, Manifest
    from ingest.source import Bounds

    text = (DOCS / "reference" / "lake.md").read_text(encoding="utf-8")
    names = [
        *SYSTEM_COLUMNS,
        *Bounds.model_fields,
        *(set(Manifest.__dataclass_fields__) - {"counts"}),
        *Counts.__dataclass_fields__,
    ]
    assert not [field for field in names if not re.search(rf"`(counts\.)?{field}`", text)]


def test_the_page_of_sources_is_up_to_date() -> None:
    from ingest.source import Source
    from orchestration.dictionary import SOURCES_PAGE, source_pages

    told = source_pages([Source.load(name) for name in Source.names()])
    assert SOURCES_PAGE.read_text(encoding="utf-8") == told, "renew it: python -m orchestration.dictionary"
