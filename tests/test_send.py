"""Deliveries go out to real servers: whole or absent, once, and never to a server that is another."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from base.refused import Refused
from delivery.send import Destination, Folder, ObjectStore, Sftp, send
from delivery.send.destinations import READY
from tests.servers import SftpServer, s3_server, sftp_server

BIG = 24 << 20


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    folder = tmp_path / "tilaus-20260105-v01"
    folder.mkdir()
    (folder / "kohderyhma.csv").write_bytes(b"a;b\r\n" * 1000)
    (folder / "manifest.json").write_text("{}")
    (folder / READY).write_text("abc\n")
    return folder


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sftp_server(tmp_path_factory.mktemp("ssh")) as server:
        yield server


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch, s3_server("asiakas") as address:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        yield address


def over_ssh(server: SftpServer, **other: object) -> Sftp:
    told = {"host": "127.0.0.1", "port": server.port, "user": os.environ.get("USER", "root"), "path": str(server.folder)}
    return Sftp.model_validate(told | {"host_key": server.host_key, "key_file": server.key_file} | other)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("kind", ["folder", "sftp"])
def test_what_arrives_is_what_was_made_and_arrives_once(kind: str, delivery: Path, ssh: SftpServer, tmp_path: Path) -> None:
    far = ssh.folder / "once"
    far.mkdir(exist_ok=True)
    destination: Destination = Folder(path=far) if kind == "folder" else over_ssh(ssh, path=str(far / "sub" / "folder"))
    at = far / delivery.name if kind == "folder" else far / "sub" / "folder" / delivery.name
    send(destination, delivery)
    assert content(at) == content(delivery)
    before = at.stat().st_mtime_ns
    send(destination, delivery)
    assert at.stat().st_mtime_ns == before and [path.name for path in at.parent.iterdir() if path.name[0] != "s"] == [at.name]
    (delivery / READY).write_text("another\n")
    with pytest.raises(Refused, match="already"):
        send(destination, delivery)


def test_another_host_key_gets_nothing(delivery: Path, ssh: SftpServer, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    key = (tmp_path / "other.pub").read_text().strip()
    far = ssh.folder / "pinned"
    far.mkdir()
    with pytest.raises(Refused, match="another host key"):
        send(over_ssh(ssh, path=str(far), host_key=key), delivery)
    with pytest.raises(Refused, match="does not let us in"):
        send(over_ssh(ssh, path=str(far), key_file=tmp_path / "other"), delivery)
    assert list(far.iterdir()) == []


def test_a_line_that_breaks_leaves_nothing_visible_and_the_next_try_goes_on(delivery: Path, tmp_path: Path) -> None:
    """The server dies in the middle of a large file, ten times; then it stays."""
    (delivery / "kohderyhma.csv").write_bytes(os.urandom(BIG))
    with sftp_server(tmp_path / "own") as server:
        half = server.folder / f".{delivery.name}.part" / "kohderyhma.csv"

        def grown(bytes_there: int) -> None:
            """Kill the server once so much has arrived."""
            while not half.exists() or half.stat().st_size < bytes_there:
                time.sleep(0.001)
            server.stop()

        for part in range(1, 9):
            breaker = threading.Thread(target=grown, args=(part * BIG // 10,))
            breaker.start()
            with pytest.raises(Refused, match="another try goes on"):
                send(over_ssh(server), delivery)
            breaker.join()
            assert [path.name for path in server.folder.iterdir()] == [half.parent.name]
            server.start()
        send(over_ssh(server), delivery)
        assert [path.name for path in server.folder.iterdir()] == [delivery.name]
        assert content(server.folder / delivery.name) == content(delivery)


def test_what_a_broken_try_left_is_compared_before_it_is_trusted(delivery: Path, ssh: SftpServer) -> None:
    far = ssh.folder / "left"
    half = far / f".{delivery.name}.part"
    half.mkdir(parents=True)
    (half / "kohderyhma.csv").write_bytes(b"something else of the same length as a part")
    (half / "stranger.csv").write_bytes(b"of another version")
    send(over_ssh(ssh, path=str(far)), delivery)
    assert content(far / delivery.name) == content(delivery)


@pytest.mark.parametrize("kind", ["folder", "sftp", "s3"])
def test_the_last_look_comes_before_anything_can_be_seen(
    kind: str, delivery: Path, ssh: SftpServer, bucket: str, tmp_path: Path
) -> None:
    far = ssh.folder / f"look-{kind}"
    far.mkdir()
    destination: Destination = {
        "folder": Folder(path=far), "sftp": over_ssh(ssh, path=str(far)),
        "s3": ObjectStore(bucket="asiakas", prefix="look", endpoint=bucket),
    }[kind]  # type: ignore[assignment]  # fmt: skip

    @contextmanager
    def stop() -> Iterator[None]:
        assert not (far / delivery.name).exists()
        raise Refused("somebody has objected meanwhile")
        yield

    with pytest.raises(Refused, match="objected meanwhile"):
        send(destination, delivery, stop)
    assert not (far / delivery.name).exists()
    if kind == "s3":
        assert listed(bucket, "look") == ["kohderyhma.csv", "manifest.json"]


def far_side(address: str) -> Any:
    """The store as another client sees it."""
    return boto3.client("s3", endpoint_url=address, region_name="eu-north-1")


def listed(address: str, prefix: str) -> list[str]:
    found = far_side(address).list_objects_v2(Bucket="asiakas", Prefix=f"{prefix}/").get("Contents", [])
    return [one["Key"].rsplit("/", 1)[1] for one in found]


def test_an_object_store_takes_it_ready_last(delivery: Path, bucket: str) -> None:
    destination = ObjectStore(bucket="asiakas", prefix="kohde/uusi", endpoint=bucket)
    assert send(destination, delivery) == f"s3://asiakas/kohde/uusi/{delivery.name}"
    arrived = far_side(bucket).get_object(Bucket="asiakas", Key=f"kohde/uusi/{delivery.name}/kohderyhma.csv")
    assert arrived["Body"].read() == (delivery / "kohderyhma.csv").read_bytes()
    assert READY in listed(bucket, "kohde/uusi")
    assert send(destination, delivery).endswith(delivery.name)
    (delivery / READY).write_text("another\n")
    with pytest.raises(Refused, match="something else"):
        send(destination, delivery)
    with pytest.raises(Refused, match="cannot be written"):
        send(ObjectStore(bucket="eisellaista", endpoint=bucket), delivery)


def test_a_process_killed_while_it_sends_leaves_no_half_delivery(delivery: Path, tmp_path: Path) -> None:
    (delivery / "kohderyhma.csv").write_bytes(os.urandom(BIG))
    with sftp_server(tmp_path / "own") as server:
        told = over_ssh(server).model_dump_json()
        code = (
            "import sys, pathlib; from delivery.send import Sftp, send; "
            "send(Sftp.model_validate_json(sys.argv[1]), pathlib.Path(sys.argv[2]))"
        )
        for milliseconds in (400, 600, 800):
            process = subprocess.Popen([sys.executable, "-c", code, told, str(delivery)], stderr=subprocess.DEVNULL)
            time.sleep(milliseconds / 1000)
            process.kill()
            process.wait()
            assert all(content(path) == content(delivery) for path in server.folder.iterdir() if not path.name.startswith("."))
        send(over_ssh(server), delivery)
        assert content(server.folder / delivery.name) == content(delivery)


def test_an_order_may_not_name_what_there_is_not() -> None:
    with pytest.raises(ValueError, match="extra"):
        Sftp.model_validate({"host": "x", "user": "y", "host_key": "z", "key_file": "k", "password": "no"})
    assert json.loads(Folder(path=Path("/x")).model_dump_json()) == {"kind": "folder", "path": "/x"}
