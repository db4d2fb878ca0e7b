"""From the register's zip to single records, without parsing: bytes in, the raw text of each record out.

The dump is one JSON array of about 1.5 GB. Cutting it at `},{"businessId":` on bytes costs a fraction of parsing it, and
a record whose bytes equal yesterday's never needs to be parsed. Cutting there is safe: inside a JSON string the quotes of
that marker would be escaped, so it can only be the start of a record. Whether each piece is one whole JSON object is
then for the parser to say.
"""

import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from ingest.lake import LandingRefused

CHUNK_BYTES = 16 << 20
MAX_RECORD_BYTES = 64 << 20
# The real dump is 1.5 GB at a ratio of 15; a few hundred bytes that claim more are a bomb.
MAX_UNCOMPRESSED_BYTES = 16 << 30
MAX_RATIO = 250
_DECODER = json.JSONDecoder()


def open_member(path: Path) -> tuple[zipfile.ZipFile, zipfile.ZipInfo]:
    """Open the dump and return its single member.

    Raises LandingRefused: not_zip, bad_zip (truncated), zip_layout (not exactly one plain member), decompress_limit.
    """
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise LandingRefused("empty_body", f"{path.name} is empty")
    if not head.startswith(b"PK\x03\x04"):
        kind = "an HTML page" if b"<html" in head.lower() or b"<!doctype" in head.lower() else "no zip archive"
        raise LandingRefused("not_zip", f"{path.name} is {kind}")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise LandingRefused("bad_zip", f"{path.name} is damaged or cut off ({error})") from None
    members = archive.infolist()
    if len(members) != 1 or not re.fullmatch(r"[\w.-]+\.json", members[0].filename) or members[0].is_dir():
        raise LandingRefused(
            "zip_layout", f"{path.name} must hold exactly one .json file, not {len(members)} members or a path"
        )
    member = members[0]
    if member.file_size > MAX_UNCOMPRESSED_BYTES or member.file_size > MAX_RATIO * max(member.compress_size, 1):
        raise LandingRefused("decompress_limit", f"{path.name} claims {member.file_size} bytes from {member.compress_size}")
    return archive, member


def chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The member's bytes in pieces of CHUNK_BYTES; its CRC is checked at the end. Raises LandingRefused zip_crc, bad_zip."""
    try:
        with archive.open(member) as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise LandingRefused("zip_crc" if "CRC" in str(error) else "bad_zip", f"{member.filename}: {error}") from None


def records(pieces: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Cut a JSON array into the raw text of its elements, a list per piece read.

    Raises LandingRefused: not_array, truncated_json (no closing bracket), json_limits (one record over MAX_RECORD_BYTES).
    """
    rest, separator = b"", b""
    for piece in pieces:
        rest += piece
        if not separator:
            rest, separator = _opening(rest)
            if not separator:
                continue
        found, start = [], 0
        # The separator ends where the next record's first key ends; the record itself starts at its brace.
        brace = separator.index(b"{")
        for match in re.finditer(re.escape(separator), rest):
            found.append(rest[start : match.start() + 1])
            start = match.start() + brace
        rest = rest[start:]
        if len(rest) > MAX_RECORD_BYTES:
            raise LandingRefused("json_limits", f"a record is longer than {MAX_RECORD_BYTES} bytes")
        if found:
            yield found
    yield _closing(rest, bool(separator))


def split_glued(piece: bytes) -> list[bytes]:
    """The records of a piece that holds several: one that does not begin with the usual key hangs on to its neighbour.

    A piece that is not a sequence of JSON values is returned as it is, for quarantine.
    """
    try:
        text = piece.decode("utf-8")
        found, position = [], 0
        while position < len(text):
            _, end = _DECODER.raw_decode(text, position)
            found.append(text[position:end].encode())
            between = re.compile(r"\s*,?\s*").match(text, end)
            position = between.end() if between else end
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        return [piece]
    return found


def _opening(head: bytes) -> tuple[bytes, bytes]:
    """Strip the array's opening and learn how this file separates records: the first key, and the white space used."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text and not text.startswith(b"["):
        raise LandingRefused("not_array", f"the dump starts with {text[:1]!r}, not with a JSON array")
    body = text[1:].lstrip()
    first = re.match(rb'\{\s*"((?:[^"\\]|\\.){1,100})"\s*:', body)
    if not first:
        if len(body) > 10_000 or (body and body[:1] not in (b"{", b"]")):
            raise LandingRefused("not_array", "the dump is not an array of objects")
        return head, b""
    # The usual first key first: the very first record may be the odd one.
    keys = (b"businessId", first[1])
    between = next(filter(None, (re.search(rb'\}\s*,\s*\{\s*"' + re.escape(key) + rb'"\s*:', body) for key in keys)), None)
    # One record only, or the first is still incomplete: the compact form is as good a guess as any until more is read.
    if between is None and len(head) < CHUNK_BYTES:
        return head, b""
    return body, between[0] if between else b'},{"' + first[1] + b'":'


def _closing(rest: bytes, opened: bool) -> list[bytes]:
    text = rest.rstrip()
    if not opened:
        text = text.removeprefix(b"\xef\xbb\xbf").lstrip()
        if not text:
            raise LandingRefused("empty_body", "the dump is empty")
        text = text[1:].lstrip()
    if not text.endswith(b"]"):
        raise LandingRefused("truncated_json", "the dump does not end with the array's closing bracket")
    last = text[:-1].rstrip()
    return [last] if last else []
