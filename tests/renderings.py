"""Rows for tests of what a customer receives, and the real programs that open it."""

import csv
import io
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from delivery import columns
from delivery.render import About, Gate, Profile, RenderedFile

AS_OF, UNTIL = datetime(2026, 1, 3), date(2026, 3, 3)
# Also in the module under test, but said here anew: a test that borrows its subject's rules cannot find them wrong.
CONTROLS = "".join(chr(c) for c in [*range(9), 11, 12, *range(14, 32), *range(127, 133), *range(134, 160), 0xFFFE, 0xFFFF])
BLANK = "[\\s\ufeff\u200b-\u200f\u2060]*"
RISKY = re.compile(f"'*([\t\r\n]|{BLANK}[=+\\-@＝＋－＠﹦﹢﹣﹫])")
PHONE = re.compile(r"\+[0-9]{7,15}\Z", re.ASCII)
HOSTILE = [
    "=1+1", "+1+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\x00=1", " =1", "\u00a0=1", "\u3000=1", "\ufeff=1", "\u200b=1",
    "＝1+1", "＋1", "－1", "＠A", "'=1", "''+358401234567", "+358401234567", "+358 40 123", "+3584012345678901234", "-5,0",
    "=HYPERLINK(\"http://x.example\";\"y\")", "=cmd|' /C calc'!A0", "+Plus Oy", "-IT Oy", "@home Oy", "00100", "01110",
    "1E5", "12345678901234567890", "1/2", "2026-01-03", "TRUE", "NULL", "", " ", "a;b", "a,b", 'a"b', '"', "a\nb", "a\r\nb",
    "a\rb",
    "−1", "‐x", "⁼1", "⁺1",
    "Ääkkönen Ö Å", "Šemper Žižek", "Łódź", "Čapek Đorđe", "Иванов", "\U0001f600", "a\u0308", "_x0041_", "_x005F_",
    "__x0041_", "_x0041_x0042_x0043_", "<r>x</r>", "<r><t>a</t></r>",
    '<r></r></is></c><c r="A9"><f>1+1</f></c><r></r>', "<f>1</f>", "&amp;<>", "]]>", "a\x07b", "a\x85b",
    "http://x.example", "mailto:a@b.example", "\\N", "\\", "{=1}", "%0A", "#REF!",
]  # fmt: skip


def about(**changed: Any) -> About:
    """A file about persons by e-mail, phone and post."""
    told: dict[str, Any] = {
        "file_id": "d-1", "stem": "kohderyhma_acme_o-1_20260103_v01", "contract_version": columns.CONTRACT_VERSION,
        "as_of": AS_OF, "valid_until": UNTIL, "unit": "person", "channels": frozenset({"email", "phone", "post"}),
        "waterfall": (Gate("POPULATION", 10), Gate("STALE", 4), Gate("RESULT", 6)),
        "matching": (Gate("POPULATION", 7), Gate("STALE", 1), Gate("RESULT", 6)), "terms": ("Ehdot", "1. Lupa"),
    }  # fmt: skip
    return About(**(told | changed))


def table(rows: Sequence[dict[str, Any]], on: About | None = None) -> pa.Table:
    """Rows as the extract hands them over; what a row does not have is null."""
    return pa.Table.from_pylist(list(rows), schema=columns.schema((on or about()).columns))


def row(number: int = 1, **changed: Any) -> dict[str, Any]:
    """A made-up person at a made-up firm."""
    return {
        "row_id": f"r{number}", "contact_person_id": f"k{number}", "business_id": "0112038-9",
        "organisation_name": f"Firma {number} Oy", "legal_form_code": "16", "legal_form": "Osakeyhtiö", "status": "active",
        "industry_code": "01110", "visiting_postcode": "00100", "phone": "+358401234567", "email": f"a{number}@firma.example",
        "taxed_income_year": 2024, "taxed_income_eur": Decimal("-1234.50"), "is_employer": True, "is_vat_registered": False,
        "registered_on": date(1999, 12, 31), "first_name": "Äijä", "last_name": "Öhman", "level": "director",
        "area_code": ["TALOUS", "HANKINTA"], "area": ["Talous ja rahoitus", "Hankinnat ja osto"], "verifier": "registry",
        "verified_on": date(2026, 1, 2), "p_current": Decimal("0.9000"), "why": ["region in 01", "a|b\\c"],
        "valid_until": UNTIL, "address_source": "Osoitelähde: YTJ.",
    } | changed  # fmt: skip


def clean(text: str | None) -> str | None:
    """A text as CSV and XLSX can hold it."""
    return text if text is None else text.translate({ord(c): None for c in CONTROLS})


def shown(text: str | None) -> str | None:
    """A text as it stands in a cell: clean, and guarded where a spreadsheet would execute it."""
    cleaned = clean(text)
    if cleaned is not None and RISKY.match(cleaned) and not PHONE.match(cleaned):
        return f"'{cleaned}"
    return cleaned


def parsed(file: RenderedFile) -> list[dict[str, str]]:
    """A CSV read with the encoding and dialect that are told of it, strictly."""
    assert file.encoding and file.dialect
    text = file.path.read_bytes().decode(file.encoding)
    reader = csv.DictReader(
        io.StringIO(text, newline=""),
        delimiter=str(file.dialect["delimiter"]),
        quotechar=str(file.dialect["quoteChar"]),
        strict=True,
    )
    return list(reader)


def libreoffice() -> str:
    """The program. Skips where there is none, but not in CI."""
    found = shutil.which("soffice")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("LibreOffice must be there in CI: .ci/run installs it")
        pytest.skip("no LibreOffice on this machine (Debian: apt install libreoffice-calc)")
    return found


def converted(path: Path, to: str, folder: Path, read_as: str | None = None) -> list[Path]:
    """What LibreOffice makes of a file, without a window and with a profile of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    before = set(folder.iterdir())
    as_is = [f"--infilter={read_as}"] if read_as else []
    own = f"-env:UserInstallation=file://{folder.parent / 'office'}"
    subprocess.run(
        [libreoffice(), own, "--headless", *as_is, "--convert-to", to, "--outdir", str(folder), str(path)],
        check=True, capture_output=True, timeout=240,
    )  # fmt: skip
    return sorted(set(folder.iterdir()) - before)


SHEETS_TO_CSV = "csv:Text - txt - csv (StarCalc):59,34,76,1,,0,true,false,false,false,false,-1"
"""Every sheet into a file: semicolons, quoted, UTF-8, the cells' values and not what is shown."""


def cut(rows: pa.Table, *sizes: int) -> Iterator[pa.RecordBatch]:
    """The rows in batches of these sizes, and the rest."""
    at = 0
    for size in sizes:
        yield from rows.slice(at, size).to_batches()
        at += size
    yield from rows.slice(at).to_batches()


PROFILES = {
    "csv": Profile(format="csv"), "cp1252": Profile(format="csv", encoding="cp1252"), "raw": Profile(format="csv", raw=True),
    "xlsx": Profile(), "jsonl": Profile(format="jsonl"), "parquet": Profile(format="parquet"),
}  # fmt: skip
