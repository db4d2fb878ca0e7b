"""Pages whose commands are tried: they run as written, and print what the page says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMMAND = re.compile(r"(export|kohde|python|cat|cp) ")


def blocks(page: Path) -> list[list[str]]:
    """The fenced blocks of a page, by lines."""
    text = page.read_text(encoding="utf-8")
    return [block.splitlines() for block in re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]


def words(text: str) -> list[list[str]]:
    """The lines without their spacing, which depends on the longest path of a table."""
    return [line.removeprefix("\ufeff").split() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("name", ["how-to/take-files-from-people.md", "how-an-objection-flows.md"])
def test_the_commands_of_a_page_do_what_it_says(name: str, tmp_path: Path) -> None:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "200"}
    exports, printed, tried = "", "", 0
    for block in blocks(ROOT / "docs" / name):
        if not COMMAND.match(block[0]):
            told = words(printed)
            assert [
                line for line in words("\n".join(block).replace("/tmp/kohde", f"{tmp_path}/kohde")) if line not in told
            ] == []
            tried += 1
            continue
        printed = ""
        for line in block:
            command = line.replace("/tmp/kohde", f"{tmp_path}/kohde")
            if command.startswith("export "):
                exports += f"{command}\n"
                continue
            run = subprocess.run(
                ["bash", "-c", exports + command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
            )
            # `kohde land` ends with 1 when a file was refused; a failure says so on stderr.
            assert "kohde: " not in run.stderr and "Error" not in run.stderr, f"{command}\n{run.stderr}"
            assert run.returncode in (0, 1), command
            printed += run.stdout
    assert tried > 3
