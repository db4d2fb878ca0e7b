"""To an SFTP server, with its host key pinned (STACK: asyncssh; RELIABILITY: `.part`, posix rename, size and hash)."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import asyncssh

from base.refused import Refused
from delivery.send.destinations import READY, Reveal, Sftp, files_of

BLOCK = 1 << 18
TIMEOUT_SECONDS = 60
RENAME_SECONDS = 20
"""While it lasts nobody can add to the ledger."""


def send(destination: Sftp, delivery: Path, reveal: Reveal) -> str:
    """Carry a delivery's folder over under a hidden name, then rename it; see delivery.send.send."""
    return asyncio.run(_send(destination, delivery, reveal))


async def _send(destination: Sftp, delivery: Path, reveal: Reveal) -> str:
    where = f"{destination.user}@{destination.host}:{destination.port}"
    try:
        async with _connected(destination) as connection, connection.start_sftp_client() as sftp:
            target = f"{destination.path.rstrip('/')}/{delivery.name}"
            if await sftp.exists(target):
                return await _there(sftp, delivery, target, where)
            draft = f"{destination.path.rstrip('/')}/.{delivery.name}.part"
            await sftp.makedirs(draft, exist_ok=True)
            wanted = {path.name for path in files_of(delivery)}
            for name in await sftp.listdir(draft):
                if name not in wanted | {".", ".."}:
                    await sftp.remove(f"{draft}/{name}")
            for path in files_of(delivery):
                await _carry(sftp, path, f"{draft}/{path.name}")
            with reveal():
                # A folder's rename is one step on the far side: nobody sees half of it.
                await asyncio.wait_for(sftp.posix_rename(draft, target), RENAME_SECONDS)
            return f"sftp://{where}/{target}"
    except asyncssh.HostKeyNotVerifiable:
        raise Refused(f"{where} shows another host key than the order names: nothing was sent") from None
    except asyncssh.PermissionDenied:
        raise Refused(f"{where} does not let us in with {destination.key_file.name}") from None
    except (asyncssh.SFTPNoConnection, asyncssh.SFTPConnectionLost, asyncssh.ConnectionLost, OSError) as error:
        said = f"{where} cannot be reached or broke off ({type(error).__name__}): another try goes on from there"
        raise Refused(said) from None
    except asyncssh.Error as error:
        raise Refused(f"{where}: {' '.join(str(error.reason).split())}") from None


def _connected(destination: Sftp) -> Any:
    host = destination.host if destination.port == 22 else f"[{destination.host}]:{destination.port}"
    known = asyncssh.import_known_hosts(f"{host} {destination.host_key}\n")
    return asyncssh.connect(
        destination.host, destination.port, username=destination.user, known_hosts=known, config=None, agent_path=None,
        client_keys=[str(destination.key_file)], connect_timeout=TIMEOUT_SECONDS, keepalive_interval=15,
    )  # fmt: skip


async def _there(sftp: asyncssh.SFTPClient, delivery: Path, target: str, where: str) -> str:
    """A delivery that an earlier try has brought over."""
    async with sftp.open(f"{target}/{READY}", "rb") as file:
        if _bytes(await file.read()) == (delivery / READY).read_bytes():
            return f"sftp://{where}/{target}"
    raise Refused(f"{where} has another {target} already")


async def _carry(sftp: asyncssh.SFTPClient, path: Path, target: str) -> None:
    """Write what is missing of a file, and trust no part that an earlier try has left before its content was compared."""
    size, there = path.stat().st_size, 0
    if await sftp.exists(target):
        there = (await sftp.stat(target)).size or 0
        if there > size or not await _same(sftp, path, target, there):
            there = 0
    async with sftp.open(target, "r+b" if there else "wb") as remote:
        with path.open("rb") as local:
            local.seek(there)
            while block := local.read(BLOCK):
                await remote.write(block, there)
                there += len(block)
    if (await sftp.stat(target)).size != size:
        raise Refused(f"{path.name} did not arrive whole")


async def _same(sftp: asyncssh.SFTPClient, path: Path, target: str, length: int) -> bool:
    """Whether the first bytes there are ours."""
    ours, theirs, at = hashlib.sha256(), hashlib.sha256(), 0
    async with sftp.open(target, "rb") as remote:
        with path.open("rb") as local:
            while at < length:
                block = local.read(min(BLOCK, length - at))
                ours.update(block)
                theirs.update(_bytes(await remote.read(len(block), at)))
                at += len(block)
    return ours.digest() == theirs.digest()


def _bytes(read: object) -> bytes:
    """What a file opened as bytes gives; the library's types do not know how it was opened."""
    assert isinstance(read, bytes)
    return read
