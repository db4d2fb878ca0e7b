"""Damaged copies of a bulk zip, by name: what transports, gateways and publishers do to files, for tests of the loader.

`damage("wrong-check-digit", source, target)` writes the damaged zip and tells which records it damaged. Undamaged records keep
their bytes. Files are held in memory whole: this is for small test files, not for a national one.
"""

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from base.files import atomic_file

Company = dict[str, Any]
LONG_NAME = 2 * 1024 * 1024
DEEP = 100_000


@dataclass(frozen=True)
class Damaged:
    """What was done: which damage, to which records (by the business id they had), and how many records the file now holds."""

    name: str
    business_ids: list[str]
    records: int


@dataclass
class Bulk:
    """A bulk file taken apart: the raw text of each record, and how to put it together."""

    member: str
    records: list[bytes]

    @classmethod
    def read(cls, path: Path) -> "Bulk":
        """Take a sound zip apart."""
        with zipfile.ZipFile(path) as archive:
            member = archive.namelist()[0]
            text = archive.read(member).decode("utf-8")
        decoder, position, records = json.JSONDecoder(), 1, []
        while position < len(text) - 1:
            _, end = decoder.raw_decode(text, position)
            records.append(text[position:end].encode())
            position = end + 1
        return cls(member, records)

    def text(self) -> bytes:
        """The member: one JSON array."""
        return b"[" + b",".join(self.records) + b"]"

    def business_id(self, index: int) -> str:
        """The business id of a record that is still sound."""
        return str(json.loads(self.records[index])["businessId"]["value"])


# One record of the file, spoiled: the function gets the parsed company and returns the new text, or None if it does not suit.
Spoil = Callable[[Company], bytes | None]
# The whole file, spoiled: the function gets the parts and a path, writes the file and returns the ids of the damaged records.
SpoilFile = Callable[[Bulk, Path], list[str]]
RECORD_DAMAGES: dict[str, Spoil] = {}
FILE_DAMAGES: dict[str, SpoilFile] = {}


def damage(name: str, source: Path, target: Path, records: int = 1) -> Damaged:
    """Write a copy of `source` damaged in the way `name` says; record damages hit the first `records` suitable ones.

    Raises KeyError on an unknown name, ValueError when too few records suit the damage.
    """
    bulk = Bulk.read(source)
    if name in FILE_DAMAGES:
        with atomic_file(target) as temporary:
            return Damaged(name, FILE_DAMAGES[name](bulk, temporary), len(bulk.records))
    spoil = RECORD_DAMAGES[name]
    ids: list[str] = []
    for index in range(1, len(bulk.records)):
        spoiled = spoil(json.loads(bulk.records[index])) if len(ids) < records else None
        if spoiled is not None:
            ids.append(bulk.business_id(index))
            bulk.records[index] = spoiled
    if len(ids) < records:
        raise ValueError(f"{name}: only {len(ids)} of {records} records suit")
    with atomic_file(target) as temporary:
        _pack(temporary, {bulk.member: bulk.text()})
    return Damaged(name, ids, len(bulk.records))


def shrink(source: Path, target: Path, share: float) -> Damaged:
    """Keep the first `share` (0-1) of the records; the missing ones are the damage."""
    bulk = Bulk.read(source)
    kept = int(len(bulk.records) * share)
    missing = [bulk.business_id(index) for index in range(kept, len(bulk.records))]
    with atomic_file(target) as temporary:
        _pack(temporary, {bulk.member: b"[" + b",".join(bulk.records[:kept]) + b"]"})
    return Damaged("shrink", missing, kept)


def _pack(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 2, 4, 0, 0)), content, zipfile.ZIP_DEFLATED)


def _dump(company: Company) -> bytes:
    return json.dumps(company, ensure_ascii=False, separators=(",", ":")).encode()


def _record(name: str) -> Callable[[Spoil], Spoil]:
    def register(function: Spoil) -> Spoil:
        RECORD_DAMAGES[name] = function
        return function

    return register


def _file(name: str) -> Callable[[SpoilFile], SpoilFile]:
    def register(function: SpoilFile) -> SpoilFile:
        FILE_DAMAGES[name] = function
        return function

    return register


def _all(bulk: Bulk) -> list[str]:
    return [bulk.business_id(index) for index in range(len(bulk.records))]


# The file as a whole


@_file("empty-array")
def _empty_array(bulk: Bulk, path: Path) -> list[str]:
    ids = _all(bulk)
    bulk.records = []
    _pack(path, {bulk.member: b"[]"})
    return ids


@_file("object")
def _object(bulk: Bulk, path: Path) -> list[str]:
    """The envelope of the search API instead of the bare array."""
    _pack(path, {bulk.member: b'{"totalResults":%d,"companies":%s}' % (len(bulk.records), bulk.text())})
    return _all(bulk)


@_file("ndjson")
def _ndjson(bulk: Bulk, path: Path) -> list[str]:
    _pack(path, {bulk.member: b"\n".join(bulk.records) + b"\n"})
    return _all(bulk)


@_file("html-member")
def _html_member(bulk: Bulk, path: Path) -> list[str]:
    _pack(path, {bulk.member: b"<!DOCTYPE html><html><body>Huoltokatko</body></html>"})
    return _all(bulk)


@_file("html")
def _html(bulk: Bulk, path: Path) -> list[str]:
    """No zip at all."""
    path.write_bytes(b"<!DOCTYPE html><html><body>Huoltokatko</body></html>")
    return _all(bulk)


@_file("empty-file")
def _empty_file(bulk: Bulk, path: Path) -> list[str]:
    path.write_bytes(b"")
    return _all(bulk)


@_file("truncated-zip")
def _truncated_zip(bulk: Bulk, path: Path) -> list[str]:
    _pack(path, {bulk.member: bulk.text()})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return _all(bulk)


@_file("flipped-byte")
def _flipped_byte(bulk: Bulk, path: Path) -> list[str]:
    """One byte in the middle of the compressed member: only its checksum tells."""
    _pack(path, {bulk.member: bulk.text()})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    return _all(bulk)


@_file("no-members")
def _no_members(bulk: Bulk, path: Path) -> list[str]:
    _pack(path, {})
    return _all(bulk)


@_file("two-members")
def _two_members(bulk: Bulk, path: Path) -> list[str]:
    _pack(path, {bulk.member: bulk.text(), "data_extra.json": b"[]"})
    return _all(bulk)


@_file("path-traversal")
def _path_traversal(bulk: Bulk, path: Path) -> list[str]:
    _pack(path, {"../../" + bulk.member: bulk.text()})
    return _all(bulk)


@_file("truncated-json")
def _truncated_json(bulk: Bulk, path: Path) -> list[str]:
    """A sound zip around an array that breaks off within a record, as a publisher's full disk leaves it."""
    text = bulk.text()
    _pack(path, {bulk.member: text[: len(text) * 2 // 3]})
    return _all(bulk)


@_file("unclosed-array")
def _unclosed_array(bulk: Bulk, path: Path) -> list[str]:
    """All records are there, the closing bracket is not."""
    _pack(path, {bulk.member: bulk.text()[:-1]})
    return _all(bulk)


@_file("trailing-garbage")
def _trailing_garbage(bulk: Bulk, path: Path) -> list[str]:
    _pack(path, {bulk.member: bulk.text() + b"<!-- end -->"})
    return _all(bulk)


@_file("duplicate-same")
def _duplicate_same(bulk: Bulk, path: Path) -> list[str]:
    """One company twice with equal content."""
    bulk.records.append(bulk.records[1])
    _pack(path, {bulk.member: bulk.text()})
    return [bulk.business_id(1)]


@_file("duplicate-different")
def _duplicate_different(bulk: Bulk, path: Path) -> list[str]:
    """One company twice with different content."""
    company = json.loads(bulk.records[1])
    company["names"][0]["name"] += " II"
    bulk.records.append(_dump(company))
    _pack(path, {bulk.member: bulk.text()})
    return [bulk.business_id(1)]


# Single records


@_record("wrong-check-digit")
def _wrong_check_digit(company: Company) -> bytes:
    value = company["businessId"]["value"]
    company["businessId"]["value"] = value[:-1] + str((int(value[-1]) + 1) % 10)
    return _dump(company)


@_record("missing-business-id")
def _missing_business_id(company: Company) -> bytes:
    del company["businessId"]
    return _dump(company)


@_record("null-business-id")
def _null_business_id(company: Company) -> bytes:
    return _dump(company | {"businessId": None})


@_record("number-business-id")
def _number_business_id(company: Company) -> bytes:
    company["businessId"]["value"] = int(company["businessId"]["value"].replace("-", ""))
    return _dump(company)


def _with_date(value: str) -> Spoil:
    def spoil(company: Company) -> bytes | None:
        if not company.get("registrationDate"):
            return None
        return _dump(company | {"registrationDate": value})

    return spoil


RECORD_DAMAGES |= {f"date-{value}": _with_date(value) for value in ("0000-00-00", "2023-02-29", "31.12.2024")}


@_record("invalid-utf8")
def _invalid_utf8(company: Company) -> bytes:
    """The name in Latin-1 bytes, the rest of the file in UTF-8."""
    company["names"][0]["name"] = "P@LATIN1@@LATIN1@sky Oy"
    return _dump(company).replace(b"@LATIN1@", b"\xe4")


@_record("number-for-string")
def _number_for_string(company: Company) -> bytes | None:
    """A gateway took the quotes, and the leading zeros with them: "02610" became 2610."""
    for address in company["addresses"]:
        if (address.get("postCode") or "").startswith("0"):
            address["postCode"] = int(address["postCode"])
            return _dump(company)
    return None


@_record("object-for-array")
def _object_for_array(company: Company) -> bytes | None:
    """A gateway turned arrays of one element into the element."""
    if len(company["companyForms"]) != 1:
        return None
    company["companyForms"] = company["companyForms"][0]
    return _dump(company)


@_record("type-change")
def _type_change(company: Company) -> bytes:
    return _dump(company | {"tradeRegisterStatus": {"code": company["tradeRegisterStatus"]}})


@_record("unknown-field")
def _unknown_field(company: Company) -> bytes:
    return _dump(company | {"domicile": {"municipalityCode": "091"}})


@_record("unknown-nested-field")
def _unknown_nested_field(company: Company) -> bytes | None:
    if not company["addresses"]:
        return None
    company["addresses"][0]["coordinates"] = [60.1, 24.9]
    return _dump(company)


@_record("long-name")
def _long_name(company: Company) -> bytes:
    company["names"][0]["name"] = "Ä" * (LONG_NAME // 2)
    return _dump(company)


@_record("nan")
def _nan(company: Company) -> bytes:
    company["names"][0]["version"] = float("nan")
    return _dump(company)


@_record("duplicate-key")
def _duplicate_key(company: Company) -> bytes:
    """The same key twice with different values: readers disagree about which counts."""
    return _dump(company)[:-1] + b',"tradeRegisterStatus":"4"}'


@_record("deep-nesting")
def _deep_nesting(company: Company) -> bytes:
    return _dump(company)[:-1] + b',"deep":' + b"[" * DEEP + b"]" * DEEP + b"}"


@_record("nul-character")
def _nul_character(company: Company) -> bytes:
    company["names"][0]["name"] = "Nolla\x00 Oy"
    return _dump(company)


@_record("lone-surrogate")
def _lone_surrogate(company: Company) -> bytes:
    company["names"][0]["name"] = "Puolikas @HALF@ Oy"
    return _dump(company).replace(b"@HALF@", b"\\ud800")
