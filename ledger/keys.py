"""Keyed identifiers: what a person is called inside the house, without saying who it is.

An id is HMAC-SHA-256 over key version, purpose and text, so nobody without the secret can tell from a name or a register
number which id it has, nor the other way round. The secret lies outside the lake: whoever copies the lake has the ids only.
One purpose's ids say nothing of another's. The version of the key is part of the id.

A rotation wraps: version 2 of an id is made of its version 1, not of the text. So every id there is can be brought to a newer
version without knowing whom it stands for, and an id is made from text through all versions in turn (docs/adr/0009).
"""

import base64
import hmac
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pyarrow as pa

from base.files import atomic_file

PREFIXES = {"person": "p", "role": "r", "contact_point": "c", "subject": "s", "target": "t"}
"""Purposes, and the letter their ids begin with."""

LEAST_BYTES = 32
_BYTES, _LETTERS = 15, 24
"""Of the digest 120 bits are kept: 24 letters of base32 without padding; among a billion persons no two meet by chance."""


class SecretMissing(Exception):
    """There is no secret to make ids with, or it cannot be read; the one line says how to make or mend it."""


@dataclass(frozen=True)
class Key:
    """One version of the secret, and the one before it."""

    version: int
    secret: bytes
    earlier: "Key | None" = None

    def __repr__(self) -> str:
        """Never the secret: reprs end up in logs."""
        return f"Key(version={self.version})"

    def keyed(self, values: Iterable[object], purpose: str) -> list[str | None]:
        """Ids of texts, in their order; null stays null. Raises ValueError for an unknown purpose."""
        if purpose not in PREFIXES:
            raise ValueError(f"no purpose {purpose!r}; there is {', '.join(PREFIXES)}")
        texts = values.to_pylist() if isinstance(values, pa.Array | pa.ChunkedArray) else list(values)
        return self._made(self.earlier.keyed(texts, purpose) if self.earlier else texts, purpose)

    def brought(self, given: Iterable[str | None]) -> list[str | None]:
        """Ids of this version of ids of this or an earlier one, in their order; null stays null.

        Raises ValueError for a text that is no id of ours or of a later version.
        """
        ids, versions = list(given), self.all()
        ours = re.compile(
            f"[{''.join(PREFIXES.values())}]_[{''.join(str(key.version) for key in versions)}][a-z2-7]{{{_LETTERS}}}"
        )
        if any(one is not None and not ours.fullmatch(one) for one in ids):
            raise ValueError(f"no id that can be brought to version {self.version}")
        for earlier, key in pairwise(versions):
            for purpose, prefix in PREFIXES.items():
                before = f"{prefix}_{earlier.version}"
                places = [place for place, one in enumerate(ids) if one is not None and one.startswith(before)]
                for place, made in zip(places, key._made([ids[place] for place in places], purpose), strict=True):
                    ids[place] = made
        return ids

    def all(self) -> "list[Key]":
        """Every version there is, the oldest first."""
        return [*(self.earlier.all() if self.earlier else []), self]

    def _made(self, texts: Sequence[object], purpose: str) -> list[str | None]:
        head = f"{self.version}|{purpose}|".encode()
        digests = [hmac.digest(self.secret, head + str(text).encode(), "sha256")[:_BYTES] for text in texts if text is not None]
        # One call for all: 15 bytes are 24 letters exactly, and Python's base32 costs more by call than by letter.
        letters = base64.b32encode(b"".join(digests)).decode().lower()
        ids = (f"{PREFIXES[purpose]}_{self.version}{letters[at : at + _LETTERS]}" for at in range(0, len(letters), _LETTERS))
        return [None if text is None else next(ids) for text in texts]

    def check(self) -> str:
        """Eight letters that differ when the key does, and say nothing of it: a build made with another key is told by them."""
        before = self.earlier.check().encode() if self.earlier else b""
        return hmac.digest(self.secret, b"check" + before, "sha256").hex()[:8]


def keyed(values: Iterable[object], purpose: str) -> list[str | None]:
    """Ids of texts with the current key. Raises SecretMissing, and ValueError for an unknown purpose."""
    return current().keyed(values, purpose)


def current() -> Key:
    """The newest key of KOHDE_SECRET, else of the secret file. Raises SecretMissing in one line."""
    if told := os.environ.get("KOHDE_SECRET"):
        return parse(told, "KOHDE_SECRET")
    path = file()
    try:
        return parse(path.read_text(encoding="ascii"), str(path))
    except FileNotFoundError:
        raise SecretMissing(f"no secret for the ids of persons: `kohde key new` makes one in {path}") from None
    except (OSError, UnicodeDecodeError):
        raise SecretMissing(f"the secret in {path} cannot be read") from None


def file() -> Path:
    """Where the secret lies: KOHDE_SECRET_FILE, by default ~/.config/kohde/secret."""
    return Path(os.environ.get("KOHDE_SECRET_FILE") or "~/.config/kohde/secret").expanduser().resolve()


def parse(text: str, where: str) -> Key:
    """The newest key of a text with one secret a line, hex or base64, with its version and a colon before it (else it is 1).

    It knows the earlier ones: without them no id could be made from text.

    Raises SecretMissing when a line is no secret of at least 32 bytes; the message names the place, never the content.
    """
    found = {}
    for line in text.split():
        version, _, coded = line.rpartition(":")
        secret = _decoded(coded)
        if not re.fullmatch(r"[1-9]?", version) or secret is None or len(secret) < LEAST_BYTES:
            raise SecretMissing(
                f"{where} holds no secret: {LEAST_BYTES} bytes or more in hex or base64, as `kohde key new` makes"
            )
        found[int(version or 1)] = secret
    if not found:
        raise SecretMissing(f"{where} is empty: `kohde key new` makes a secret")
    key = None
    for number in sorted(found):
        key = Key(number, found[number], key)
    assert key is not None
    return key


def create(path: Path | None = None) -> Path:
    """Write a new random secret, readable by its owner alone. Raises FileExistsError: without the old one every id changes."""
    path = path or file()
    if path.exists():
        raise FileExistsError(f"{path} is already there; another secret would give every person another id")
    with atomic_file(path) as temporary:
        temporary.touch(mode=0o600)
        temporary.write_text(f"1:{secrets.token_hex(LEAST_BYTES)}\n", encoding="ascii")
    return path


def _decoded(text: str) -> bytes | None:
    try:
        if re.fullmatch(r"[0-9a-fA-F]+", text):
            return bytes.fromhex(text)
        # Either alphabet: what the second has of its own is read as what the first has there.
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:  # binascii.Error is one
        return None
