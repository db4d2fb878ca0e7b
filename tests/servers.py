"""A real PostgreSQL for tests: made anew, reachable by a socket of its own, gone afterwards."""

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa


def postgres_binaries() -> Path | None:
    """The folder with initdb and postgres, on PATH or where Debian puts them."""
    found = [Path(path).parent for path in [shutil.which("initdb")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in found if (folder / "postgres").exists() and (folder / "initdb").exists()), None)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A running server; yields its URL, to be completed by a database's name. Skips where there is none, but not in CI."""
    binaries = postgres_binaries()
    if binaries is None:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL must be there in CI: .ci/run installs it")
        pytest.skip("no PostgreSQL on this machine (Debian: apt install postgresql)")
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    # A socket's path may have 107 bytes, and the server's user has to get through to it.
    data = Path("/tmp") / f"kohde-pg-{uuid.uuid4().hex[:8]}"
    data.mkdir(mode=0o755)
    if as_user:
        shutil.chown(data, "postgres", "postgres")
    server = None
    try:
        initdb = [*as_user, binaries / "initdb", "-D", data / "data", "-U", "kohde", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd="/")
        # fsync stays on: what is acknowledged has to be there after a kill of our own processes; the machine is not cut off.
        start = [*as_user, binaries / "postgres", "-D", data / "data", "-k", data, "-c", "listen_addresses="]
        log = (folder / "postgres.log").open("wb")
        server = subprocess.Popen([*start, "-c", "max_connections=60"], stdout=log, stderr=log, cwd="/")
        url = f"postgresql+psycopg2://kohde@/{{}}?host={data}"
        engine = sa.create_engine(url.format("postgres"))
        for _ in range(200):
            try:
                engine.connect().close()
                break
            except sa.exc.OperationalError:
                if server.poll() is not None:
                    raise
                time.sleep(0.1)
        engine.dispose()
        yield url
    finally:
        if server:
            server.terminate()
            server.wait(30)
        shutil.rmtree(data, ignore_errors=True)


def new_database(url: str) -> str:
    """An empty database of the server; returns its URL."""
    name = f"k{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(url.format("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"create database {name}"))
    engine.dispose()
    return url.format(name)
