"""Bring a finished delivery to where its recipient takes it: a folder, an SFTP server, an object store.

On the far side too a delivery is whole or absent, and is there once: what is there already with the same content is left as it
is. `_READY` comes last, so whoever waits for it never reads half a delivery.
"""

from collections.abc import Callable
from pathlib import Path

from delivery.send import folder, s3, sftp
from delivery.send.destinations import Destination, Folder, ObjectStore, Sftp

Look = Callable[[], None]
"""Called last before a delivery appears on the far side; raises when it may not."""


def send(destination: Destination, delivery: Path, look: Look = lambda: None) -> str:
    """Bring the files of a delivery's folder there; returns where it is now.

    look: called when all has been carried over and nothing is visible yet. Raises base.refused.Refused in one line (unknown
    host key, no access, no space); then nothing has appeared, and another try goes on where this one ended.
    """
    match destination:
        case Folder():
            return folder.send(destination, delivery, look)
        case Sftp():
            return sftp.send(destination, delivery, look)
        case ObjectStore():
            return s3.send(destination, delivery, look)
