"""A small published lake for the tests of what leaves the house: every source landed, everybody told, a few who object.

Made once for the whole run, whichever worker comes first; tests that write take a copy.
"""

import os
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from filelock import FileLock

from ingest import synthetic
from orchestration import demo, settings, worlds
from orchestration.build import build
from orchestration.publish import publish

COMPANIES, SEED = 3_000, 11
DAYS = (date(2026, 1, 2), date(2026, 1, 3))


def make(home: Path) -> None:
    """Two days of everything, built and published; objections of three persons and an organisation."""
    source = home.parent / "source"
    synthetic.generate(COMPANIES, SEED, len(DAYS), source, start=DAYS[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KOHDE_HOME", str(home))
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        settings.export(home)
        for day in DAYS:
            worlds.land_day(source, day, home)
        build(home)
        publish(home)
        demo.promise(home)


@pytest.fixture(scope="session")
def published_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake; nobody may write into it. KOHDE_DESK: a folder to keep it in between runs, for whoever tries things out."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder = Path(os.environ.get("KOHDE_DESK") or shared / "desk")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not (folder / "made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder / "lake")
            (folder / "made").touch()
    return folder / "lake"


@pytest.fixture
def desk_lake(published_lake: Path, tmp_path: Path) -> Iterator[Path]:
    """An own copy of what is published and of the ledger, to order and deliver from."""
    home = tmp_path / "lake"
    shutil.copytree(published_lake / "published", home / "published", symlinks=True)
    for path in published_lake.glob("ledger*"):
        shutil.copy2(path, home / path.name)
    yield home


@pytest.fixture(scope="module")
def whole_lake(published_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A module's own lake that can publish again, with its warehouse; commands and Dagster know it as theirs."""
    home = tmp_path_factory.mktemp("whole") / "lake"
    shutil.copytree(published_lake, home, symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KOHDE_HOME", str(home))
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        patch.setenv("KOHDE_CONTACT", "kiellot@kohde.example")
        settings.export(home)
        build(home)
        publish(home)
        yield home
