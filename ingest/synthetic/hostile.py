"""Hostile and faulty survey files, to see what the inbox does with them: `python -m ingest.synthetic.hostile EXPORTS FOLDER`.

EXPORTS is a day of survey exports that `kohde synth` wrote. Each file below is one a person could send, by mistake or on
purpose; none does harm where it is only stored. More of them, in memory, stand in the tests of ingest/tabular.py.
"""

import argparse
import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import xlsxwriter

from base.files import atomic_file

SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
BOMB_BYTES = 200_000_000
LAUGHS = (
    '<!DOCTYPE lolz [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {after} "{f"&{before};" * 10}">' for before, after in zip("abcdefghi", "bcdefghij", strict=True))
    + "]>"
)


def write(exports: Path, folder: Path) -> dict[str, str]:
    """Write the files into `folder`. Returns file name -> what is wrong with it. Raises ValueError without a CATI export."""
    kinds: dict[str, tuple[str, bytes]] = {
        "bomb.xlsx": ("a sheet that unpacks to 200 MB", bomb()),
        "entities.xlsx": ("texts that expand to ten billion letters", workbook(_laughs)),
        "traversal.xlsx": ("a part that would unpack outside of its folder", workbook(extra={"../../evil.xml": b"<a/>"})),
        "faulty.csv": ("eight rows, most of them with a fault", faulty(min(exports.glob("cati_*.csv")))),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, (_, content) in kinds.items():
        with atomic_file(folder / name) as temporary:
            temporary.write_bytes(content)
    return {name: what for name, (what, _) in kinds.items()}


def workbook(change: Callable[[bytes], bytes] = lambda text: text, extra: dict[str, bytes] | None = None) -> bytes:
    """An ordinary little workbook, its texts changed and further parts put in."""
    plain = io.BytesIO()
    with xlsxwriter.Workbook(plain) as book:
        book.set_properties({"created": datetime(2026, 1, 2)})
        book.add_worksheet().write_row(0, 0, ["case_id", "y_tunnus", "nimi"])
    packed = io.BytesIO()
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            new.writestr(part, change(old.read(part)) if part == STRINGS else old.read(part))
        for part, content in (extra or {}).items():
            new.writestr(part, content)
    return packed.getvalue()


def bomb() -> bytes:
    """The same with a sheet of many blanks: 200 kB to store, a thousand times as much to read."""
    return workbook(extra={"xl/worksheets/sheet2.xml": b"<worksheet>" + b" " * BOMB_BYTES + b"</worksheet>"})


def _laughs(text: bytes) -> bytes:
    end = text.index(b"?>") + 2
    return text[:end] + LAUGHS.encode() + text[end:].replace(b"nimi", b"&j;")


def faulty(export: Path) -> bytes:
    """The header and eight people of an export; the rows say in their order what a row may have wrong."""
    header, *lines = export.read_text(encoding="utf-8-sig").splitlines()
    columns = header.split(";")
    people = [dict(zip(columns, line.split(";"), strict=True)) for line in lines if '"' not in line and ";CMP;" in line]
    # One of each interview, because rows of one interview must agree on what they say of the organisation.
    rows = list({p["case_id"]: p for p in people if p["yhteyshenkilo_sukunimi"] and p["vastuualue"]}.values())[:8]
    rows[1]["vastuualue"] = "17"
    rows[2]["y_tunnus"] = rows[2]["y_tunnus"][:8] + str((int(rows[2]["y_tunnus"][-1]) + 1) % 10)
    rows[3]["viim_yhteys"] = "31.2.2026"
    rows[4]["tulos"] = "???"
    rows[5]["henkilosto"] = "4"
    rows[6]["sahkoposti"] = "no address at all"
    text = [";".join(row.values()) for row in rows]
    text[7] = text[7][: len(text[7]) // 2]
    return ("\ufeff" + "\r\n".join([header, *text, ""])).encode()


def main() -> None:
    """Write the files and say what they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("exports", type=Path, help="such as finland/survey/2026-01-02")
    parser.add_argument("folder", type=Path, help="such as lake/inbox/survey")
    options = parser.parse_args()
    for name, what in write(options.exports, options.folder).items():
        print(f"{name:<16}{what}")


if __name__ == "__main__":
    main()
