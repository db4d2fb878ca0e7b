"""Where an order's files go. Secrets are not written here: files and the environment hold them."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

READY = "_READY"
Reveal = Callable[[], AbstractContextManager[Any]]


class _Destination(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Folder(_Destination):
    """A folder on this machine or mounted on it."""

    kind: Literal["folder"] = "folder"
    path: Path


class Sftp(_Destination):
    """An SFTP server, known by its host key: another key, another server, nothing is sent."""

    kind: Literal["sftp"] = "sftp"
    host: str
    port: int = Field(default=22, ge=1, le=65535)
    user: str
    path: str = "."
    host_key: str = Field(description="The server's public key as OpenSSH writes it: `ssh-ed25519 AAAA...`")
    key_file: Path = Field(description="Our private key; it lies outside the lake")


class ObjectStore(_Destination):
    """A bucket that speaks S3. Access keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, as is usual."""

    kind: Literal["s3"] = "s3"
    bucket: str
    prefix: str = ""
    region: str = "eu-north-1"
    endpoint: str | None = Field(default=None, description="Of a server that is not Amazon's: https://...")


Destination = Annotated[Folder | Sftp | ObjectStore, Field(discriminator="kind")]


def files_of(delivery: Path) -> list[Path]:
    """What is carried over, `_READY` last."""
    return sorted((path for path in delivery.iterdir() if path.is_file()), key=lambda path: (path.name == READY, path.name))
