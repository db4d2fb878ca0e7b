"""Looking for the secret in files; tests/test_demo.py does in a lake that was landed, built, published and run by Dagster."""

import base64
import gzip
from pathlib import Path


def spellings(secret: bytes) -> list[bytes]:
    """The secret as it could lie in a file: raw, hex, base64, and each as UTF-16."""
    texts = [secret.hex(), secret.hex().upper()]
    texts += [made(secret).decode().rstrip("=") for made in (base64.b64encode, base64.urlsafe_b64encode)]
    return [secret, *(text.encode(code) for text in texts for code in ("ascii", "utf-16-le"))]


def found_in(folder: Path, needles: list[bytes]) -> list[str]:
    """Files with one of the needles in their bytes, also in what a gzip holds. Names of files count too."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        data = path.read_bytes() + str(path).encode()
        if data[:2] == b"\x1f\x8b":
            data += gzip.decompress(path.read_bytes())
        if any(needle in data for needle in needles):
            found.append(str(path.relative_to(folder)))
    return found


def test_the_search_finds_what_there_is_to_find(tmp_path: Path) -> None:
    needles = spellings(bytes(range(32)))
    for number, needle in enumerate(needles):
        (tmp_path / f"{number}.gz").write_bytes(gzip.compress(b"x" * number + needle))
        (tmp_path / f"{number}.log").write_bytes(b"KOHDE_SECRET=" + needle)
    assert len(found_in(tmp_path, needles)) == 2 * len(needles)
    assert found_in(tmp_path, spellings(bytes(range(1, 33)))) == []
