"""Real servers for tests, made anew and gone afterwards: PostgreSQL, OpenSSH, an object store that speaks S3."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
        absent("PostgreSQL", "postgresql")
    assert binaries
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


def absent(part: str, package: str) -> None:
    """A real part that this machine lacks: the test is skipped, but fails in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{part} must be there in CI: .ci/run installs it")
    pytest.skip(f"no {part} on this machine (Debian: apt install {package})")


@dataclass
class SftpServer:
    """A running OpenSSH server that takes files into a folder. `stop` and `start` break the line as a network would."""

    folder: Path
    port: int
    host_key: str
    key_file: Path
    config: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin to listen; returns when it does."""
        self.process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", self.config], stderr=subprocess.DEVNULL)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("sshd does not listen")

    def stop(self) -> None:
        """Kill the server with all that it serves at the moment."""
        if self.process:
            subprocess.run(["pkill", "-KILL", "-P", str(self.process.pid)], check=False)
            self.process.kill()
            self.process.wait()


@contextmanager
def sftp_server(scratch: Path) -> Iterator[SftpServer]:
    """OpenSSH with internal-sftp on a port of its own, keys made for it alone."""
    if not Path("/usr/sbin/sshd").exists():
        absent("OpenSSH server", "openssh-server")
    keys, folder = scratch / "ssh", scratch / "far"
    keys.mkdir(parents=True)
    folder.mkdir()
    for name in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", keys / name], check=True)
    shutil.copyfile(keys / "client.pub", keys / "authorized_keys")
    Path("/run/sshd").mkdir(exist_ok=True)  # where sshd separates its privileges
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = keys / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {keys}/host\nAuthorizedKeysFile {keys}/authorized_keys\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nStrictModes no\nUsePAM no\nPidFile none\n"
        f"Subsystem sftp internal-sftp -d {folder}\n"
    )
    server = SftpServer(folder, port, (keys / "host.pub").read_text().strip(), keys / "client", config)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def s3_server(bucket: str) -> Iterator[str]:
    """An S3 server over HTTP with one bucket; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = subprocess.Popen(
        [Path(sys.executable).with_name("moto_server"), "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(urllib.request.Request(f"{address}/{bucket}", method="PUT"), timeout=5)
                break
            except OSError:
                time.sleep(0.1)
        yield address
    finally:
        started.terminate()
        started.wait(30)
