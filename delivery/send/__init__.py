"""Bring a finished delivery to where its recipient takes it: a folder, an SFTP server, an object store.

On the far side too a delivery is whole or absent, and is there once: what is there already with the same content is left as it
is. `_READY` comes last, so whoever waits for it never reads half a delivery.
"""

from contextlib import nullcontext
from pathlib import Path

from delivery.send import folder, s3, sftp
from delivery.send.destinations import Destination, Folder, ObjectStore, Reveal, Sftp

__all__ = ["Destination", "Folder", "ObjectStore", "Reveal", "Sftp", "send"]


def send(destination: Destination, delivery: Path, reveal: Reveal = nullcontext) -> str:
    """Bring the files of a delivery's folder there; returns where it is now.

    reveal: what the last step, which lets the delivery be seen, happens within; it raises when it may not happen. Raises
    base.refused.Refused in one line (unknown host key, no access, no space); then nothing has appeared, and another try goes on
    where this one ended.
    """
    match destination:
        case Folder():
            return folder.send(destination, delivery, reveal)
        case Sftp():
            return sftp.send(destination, delivery, reveal)
        case ObjectStore():
            return s3.send(destination, delivery, reveal)
