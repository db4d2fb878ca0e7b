"""The rules of the house: who may import whom, who may write files, what may not stand in the repository."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Data flows one way: base <- ledger <- ingest, delivery <- orchestration. ingest and delivery do not know each other.
MAY_IMPORT = {
    "base": set(),
    "ledger": {"base"},
    "ingest": {"base", "ledger"},
    "delivery": {"base", "ledger"},
    "orchestration": {"base", "ledger", "ingest", "delivery"},
}
# What creates or changes a file. Python's own `open` in a writing mode is looked for separately.
WRITERS = re.compile(
    r"\.(write_text|write_bytes|write_parquet|sink_parquet|write_csv|sink_csv|write_ndjson|write_json|write_table)\(|\bcopy(file|tree|2)?\("
    r"|shutil\.move|os\.(replace|rename|link|symlink)|\.(symlink_to|hardlink_to)\(|\.(rename|replace)\((path|link|target|final)\b"
)
# Files whose writers have been read: each writes below a temporary name that base/files.py commits, or is not ours to commit.
REVIEWED_WRITERS = {
    "base/files.py": "the one writer",
    "ingest/lake.py": "archive_file copies into a temporary name of atomic_file",
    "ingest/synthetic/damage.py": "damage() hands its functions a temporary path of atomic_file",
    "ingest/synthetic/search.py": "the server's own index, in a temporary directory that goes with it",
    "delivery/send/folder.py": "copies into the draft folder that commit_folder makes durable",
    "delivery/send/sftp.py": "writes on the far side, into a hidden folder that is renamed",
    "orchestration/querying.py": "CSV is made as text; files are written into a temporary path of atomic_file",
    "ingest/load.py": "the receipt is written into the load's temporary folder, which commit_folder makes durable",
}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    named += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    return {name.split(".")[0] for name in named} & set(MAY_IMPORT)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_flow_one_way(package: str) -> None:
    wrong = {
        str(path.relative_to(ROOT)): found
        for path in modules(package)
        if (found := imports(path) - MAY_IMPORT[package] - {package})
    }
    assert not wrong


def test_every_file_of_ours_is_written_through_one_helper() -> None:
    """Not the whole of writing, but every spelling of it that the code base could grow: found here, read by a person."""
    found = {}
    for package in MAY_IMPORT:
        for path in modules(package):
            text, name = path.read_text(encoding="utf-8"), str(path.relative_to(ROOT))
            lines = [line.strip() for line in text.splitlines() if _writes(line)]
            if lines and name not in REVIEWED_WRITERS and not _writes_below_helper(path):
                found[name] = lines
    assert not found


def _writes(line: str) -> bool:
    code = line.split("#")[0]
    opens = re.search(r"\bopen\([^)]*['\"][rbt]*[wx+]", code)
    return bool(opens or (WRITERS.search(code) and "files.write_text(" not in code))


def _writes_below_helper(path: Path) -> bool:
    """Every writing line stands in a function that also opens atomic_file or atomic_folder, or is given a temporary path."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    text = path.read_text(encoding="utf-8").splitlines()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = text[node.lineno - 1 : node.end_lineno]
            inner = any(isinstance(child, ast.FunctionDef) for child in ast.walk(node) if child is not node)
            if (
                any(map(_writes, body))
                and not inner
                and not re.search(r"atomic_f(ile|older)|temporary|scratch", "\n".join(body))
            ):
                return False
    return True


def test_the_writer_test_sees_a_writer(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f(p):\n    p.write_bytes(b'x')\n")
    assert (
        _writes("    p.write_bytes(b'x')")
        and _writes("with path.open('wb') as f:")
        and not _writes_below_helper(tmp_path / "a.py")
    )


def test_nothing_of_the_workplace_stands_in_the_repository() -> None:
    """No machine's path, no registry's host, no key: the repository is the same everywhere."""
    words = [
        "/wor" + "k/",
        "/ro" + "ot/",
        r"py" + r"pi\.org",
        "python" + "hosted",
        r"registry\.np" + "mjs",
        "BEGIN [A-Z ]*PRIVATE KEY",
    ]
    grep = subprocess.run(["git", "grep", "-nIE", "|".join(words)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert grep.stdout == ""


def test_no_tolerant_reading() -> None:
    """ignore_errors empties or nulls what it does not understand; sniffing drops rows of a ragged file (both measured)."""
    pattern = "ignore_errors *[=:] *(true|1)|read_csv_auto|auto_detect *= *true"
    grep = subprocess.run(
        ["git", "grep", "-nIE", pattern, "--", "*.py", "*.sql", "*.yml", ":!tests"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert grep.stdout == ""


def test_only_committed_loads_are_read() -> None:
    """DuckDB's `*` matches folders that begin with a dot: `*/*.parquet` would read a load that is still being written."""
    wide = r'(/\*|"\*" */ *")' + r"[/ ]*\*\.parquet"
    grep = subprocess.run(
        ["git", "grep", "-nIE", wide, "--", "*.py", "*.sql", "*.yml"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert [line for line in grep.stdout.splitlines() if "load=*" not in line and "test_house" not in line] == []
