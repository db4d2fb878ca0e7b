"""The one way files of ours come to be: whole and durable, or not at all.

polars, pyarrow and DuckDB truncate the target and never fsync, so a kill or a power cut leaves half a file under its
final name. Everything here is written under a temporary name in the same folder, fsynced, and renamed; then the folder
is fsynced, because a rename is only durable once its folder is.
"""

import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY_SUFFIX = ".part"


def fsync(path: Path) -> None:
    """Force a file's bytes, or a folder's entries, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal; memory bounded."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}{TEMPORARY_SUFFIX}")


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; on leaving without an error it becomes `path`, durably.

    On an error the temporary file is removed and `path` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        yield temporary
        fsync(temporary)
        temporary.replace(path)
        fsync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a small UTF-8 file whole."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def commit_folder(temporary: Path, path: Path) -> None:
    """Make a finished temporary folder appear as `path`: every file and folder in it is durable before the rename.

    Raises FileExistsError when `path` is already there: a committed folder is never overwritten.
    """
    if path.exists():
        raise FileExistsError(f"{path} is already there")
    for file in temporary.rglob("*"):
        fsync(file)
    fsync(temporary)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary.rename(path)
    fsync(path.parent)


@contextmanager
def draft_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that is to become `path` by commit_folder; what is not committed by then is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    temporary.mkdir()
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Like atomic_file for a folder of files: it appears whole under its name, or not at all."""
    with draft_folder(path) as temporary:
        yield temporary
        commit_folder(temporary, path)


def switch_pointer(link: Path, target: str) -> None:
    """Point the symbolic link `link` at `target` (a name in the same folder) in one atomic step."""
    temporary = _temporary(link)
    temporary.symlink_to(target)
    try:
        temporary.replace(link)
        fsync(link.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sweep(folder: Path, prefix: str = "", older_than_seconds: float = 0) -> list[Path]:
    """Remove what killed writers left in `folder` itself (not below it) under names that begin with `prefix`.

    The caller holds the lock of these names; where there is none, `older_than_seconds` must outlast any writer.
    """
    before = time.time() - older_than_seconds
    left = [e for e in folder.glob(f".{prefix}*{TEMPORARY_SUFFIX}") if e.lstat().st_mtime <= before]
    for entry in left:
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink(missing_ok=True)
    return left
