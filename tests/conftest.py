"""Shared: one small synthetic Finland, made once for the whole run."""

import os
from pathlib import Path

import pytest

from ingest.synthetic import generate
from tests.desk import desk_lake, published_lake, whole_lake  # noqa: F401
from tests.ledgers import ledger_home, postgres_server  # noqa: F401
from tests.service import service  # noqa: F401

COMPANIES = 2_000
LONGEST = [
    "marts", "erasure", "organisations", "gates", "demo", "pages", "decision_makers", "prove", "deltas", "definitions",
    "persons", "service", "service_security", "access", "service_schema", "deliver", "recall", "build", "refresh", "counts",
    "personal_data", "publish", "cli",
]  # fmt: skip
"""Files of tests that take a minute and more of one processor, longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first, each on one worker: whoever is free then takes short ones, and both workers end together.

    Without this xdist begins with the files of most tests, and those that build whole lakes for three tests come last.
    """
    rank = {f"test_{name}": number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


@pytest.fixture(scope="session", autouse=True)
def secret() -> None:
    """The tests' own secret of ids, for them and for every process they start."""
    os.environ["KOHDE_SECRET"] = "5e" * 32


@pytest.fixture(scope="session")
def finland(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated folder: 2,000 companies, three days from 2026-01-02; tests read it and never write into it."""
    folder = tmp_path_factory.mktemp("finland")
    generate(COMPANIES, 20260102, 3, folder, sources=["ytj"])
    return folder


@pytest.fixture(scope="session")
def bulk(finland: Path) -> list[Path]:
    """The bulk zips of the three days."""
    return sorted(finland.glob("ytj/*/all_companies.zip"))
