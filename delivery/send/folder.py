"""To a folder."""

import shutil
from pathlib import Path

from base import files
from base.refused import Refused
from delivery.send.destinations import READY, Folder, Reveal, files_of


def send(destination: Folder, delivery: Path, reveal: Reveal) -> str:
    """Copy a delivery's folder below the destination; see delivery.send.send."""
    target = destination.path / delivery.name
    if not destination.path.is_dir():
        raise Refused(f"the folder {destination.path} is not there")
    if target.exists():
        if (target / READY).exists() and (target / READY).read_bytes() == (delivery / READY).read_bytes():
            return str(target)
        raise Refused(f"{target} is there already and holds something else")
    files.sweep(destination.path, delivery.name)
    try:
        with files.draft_folder(target) as draft:
            for path in files_of(delivery):
                shutil.copyfile(path, draft / path.name)
            with reveal():
                files.commit_folder(draft, target)
    except OSError as error:
        raise Refused(f"{destination.path} cannot be written: {error.strerror}") from None
    return str(target)
