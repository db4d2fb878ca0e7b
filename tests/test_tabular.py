"""The reader of people's files: every format it promises, every trap, and what a hostile file may cost."""

import re
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from ingest.lake import LandingRefused
from ingest.source import Layout
from ingest.tabular import Flag, Limits, Table, fold, read

LAYOUT = Layout(
    columns={
        "case_id": ["tapaus", "ärende"],
        "name": ["nimi", "namn", "yhteyshenkilön nimi"],
        "phone": ["puhelin", "telefon", "puh."],
        "called_on": ["soitettu", "uppringd"],
    },
    required=["case_id", "name"],
    ignored=["muistiinpano"],
    digits=["phone"],
)
CSV = "case_id;nimi;puhelin\n1;Aino Mäki;0401234567\n2;Åke Öst;0501234567\n"


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Write a file: text (encoded) or bytes, under a name."""

    def write(content: str | bytes, name: str = "file.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        return path

    return write


def faults(table: Table) -> list[tuple[int, str, str]]:
    return [(r["_position"], r["_reason"], r["_path"]) for r in table.refused.to_dicts()]


def names(table: Table) -> list[str]:
    return table.rows["name"].to_list()


# --- CSV --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize(
    ("encoding", "told"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("cp1252", "cp1252"), ("latin-1", "cp1252")]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_dialect_reads_alike(make: Callable[..., Path], delimiter: str, encoding: str, told: str, end: str) -> None:
    table = read(make(CSV.replace(";", delimiter).replace("\n", end), encoding=encoding), LAYOUT)
    assert names(table) == ["Aino Mäki", "Åke Öst"] and table.refused.is_empty()
    assert table.rows["phone"].to_list() == ["0401234567", "0501234567"], "zeros stay"
    assert table.rows["called_on"].to_list() == [None, None] and table.rows["_position"].to_list() == [2, 3]
    assert (table.encoding, table.delimiter, table.cut_off) == (told, delimiter, False)


@pytest.mark.parametrize(
    "header", ["CASE_ID;NIMI", "Tapaus ; Yhteyshenkilön  nimi", "Ärende;Namn", "arende;YHTEYSHENKILON_NIMI", '"case-id";"Name"']
)
def test_header_goes_by_its_synonyms(make: Callable[..., Path], header: str) -> None:
    assert names(read(make(f"{header}\n1;Aino\n"), LAYOUT)) == ["Aino"]


@pytest.mark.parametrize(
    ("text", "expected", "taken"),
    [
        ("case_id;nimi\n1;Aino;x\n2;Åke\n", [(2, "ragged", "")], ["Åke"]),
        ("case_id;nimi\n1\n2;Åke\n", [(2, "ragged", "")], ["Åke"]),
        ("case_id;nimi;\n1;Aino;\n2;Åke;;\n", [], ["Aino", "Åke"]),
        ('case_id;nimi\n1;"Aino\nMäki"\n2;Åke\n', [], ["Aino\nMäki", "Åke"]),
        ('case_id;nimi\n1;"Aino\n2;Åke\n3;Eva\n', [(2, "unbalanced_quote", "")], ["Åke", "Eva"]),
        ('case_id;nimi\n1;"Aino\n2;Åke\n3;"Eva"\n', [(2, "unbalanced_quote", "")], ["Åke", "Eva"]),
        ('case_id;nimi\n1;"Aino\n2;"Åke";\n3;Eva\n', [(2, "unbalanced_quote", "")], ["Åke", "Eva"]),
        ('case_id;nimi\n1;"Aino\n2;Åke";x\n3;Eva\n', [(2, "unbalanced_quote", ""), (3, "ragged", "")], ["Eva"]),
        ("case_id;nimi\n1;Aino\ncase_id;NIMI\n2;Åke\n", [(3, "header_repeated", "")], ["Aino", "Åke"]),
        ("case_id;nimi\n1;Ai\x00no\n2;Åke\n", [(2, "control_char", "name")], ["Åke"]),
        ("case_id;nimi\n1;Ai\x1bno\n2;Åke\n", [(2, "control_char", "name")], ["Åke"]),
        (f"case_id;nimi\n1;{'x' * 40_000}\n2;Åke\n", [(2, "cell_too_long", "name")], ["Åke"]),
        (f"case_id;nimi\n1;{'x' * 200_000}\n2;Åke\n", [(2, "cell_too_long", "name")], ["Åke"]),
        ("sep=;\ncase_id;nimi\n\n1;Aino\n;\n", [], ["Aino"]),
        ("Haastattelut 11/2026\n\ncase_id;nimi\n1;Aino\n", [], ["Aino"]),
        ("case_id;nimi\r\n1;Aino\n2;Åke\r\n", [], ["Aino", "Åke"]),
        ('case_id,nimi\n1,"Mäki; Aino"\n', [], ["Mäki; Aino"]),
    ],
)
def test_a_bad_line_is_refused_alone(
    make: Callable[..., Path], text: str, expected: list[tuple[int, str, str]], taken: list[str]
) -> None:
    table = read(make(text), LAYOUT)
    assert faults(table) == expected and names(table) == taken


def test_names_that_look_like_code_land_as_they_are(make: Callable[..., Path]) -> None:
    hostile = [
        '=HYPERLINK("http://x")',
        "+Plus Oy",
        "@Home Oy",
        "-5 Oy",
        "\tOy",
        "'Oy",
        "1-2",
        "MARCH1",
        "null",
        "NA",
        "true",
        ";DROP TABLE",
    ]
    quoted = "".join(f'{n};"{name.replace(chr(34), chr(34) * 2)}"\n' for n, name in enumerate(hostile))
    assert names(read(make(f"case_id;nimi\n{quoted}"), LAYOUT)) == hostile


def test_lines_in_another_encoding_are_refused_never_guessed(make: Callable[..., Path]) -> None:
    utf8, latin = "2;Mäki\n".encode(), "3;Åke\n".encode("latin-1")
    header = b"case_id;nimi\n"
    table = read(make(header + utf8 * 3 + latin), LAYOUT)
    assert (table.encoding, faults(table)) == ("utf-8", [(5, "encoding", "")])
    table = read(make(header + latin * 3 + utf8), LAYOUT)
    assert (table.encoding, faults(table), names(table)) == ("cp1252", [(5, "encoding", "")], ["Åke"] * 3)
    table = read(make(b"\xef\xbb\xbf" + header + latin * 3 + utf8), LAYOUT)
    assert (table.encoding, names(table)) == ("utf-8-sig", ["Mäki"]), "a file that says UTF-8 is held to it"
    table = read(make(header + b"1;\x81b\n" + latin), LAYOUT)
    assert faults(table) == [(2, "encoding", "")], "a byte that Windows-1252 does not have"
    assert "\ufffd" not in str(table.refused["_original"].to_list())


def test_double_encoding_is_flagged_and_kept(make: Callable[..., Path]) -> None:
    table = read(make("case_id;nimi\n1;PÃ¤Ã¤stÃ¶\n2;Päästö\n"), LAYOUT)
    assert table.flags == [Flag(2, "name", "mojibake")] and names(table)[0] == "PÃ¤Ã¤stÃ¶"


def test_a_cut_last_line_is_told(make: Callable[..., Path]) -> None:
    assert read(make("case_id;nimi\n1;Aino\n2"), LAYOUT).cut_off
    assert read(make('case_id;nimi\n1;Aino\n2;"Åk'), LAYOUT).cut_off
    assert not read(make("case_id;nimi\n1;Aino\n2;Åke"), LAYOUT).cut_off
    assert not read(make("case_id;nimi\n1;Aino\n2\n"), LAYOUT).cut_off


def test_unknown_columns_are_counted_and_ignored_ones_never_seen(make: Callable[..., Path]) -> None:
    table = read(make("case_id;nimi;Muistiinpano;Kengät;045 1234567\n1;Aino;secret;43;x\n2;\x00;secret;43;x\n"), LAYOUT)
    assert table.rows["_extra"].to_list() == ['{"Kengät": null, "column 5": null}']
    assert "secret" not in str(table.rows.to_dicts()) + str(table.refused.to_dicts())


# --- XLSX -------------------------------------------------------------------------------------------------------------


def workbook(path: Path, fill: Callable[[xlsxwriter.Workbook, xlsxwriter.worksheet.Worksheet], None] | None = None) -> Path:
    """A sound workbook of two people in which `fill` may change what it likes."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Data")
        sheet.write_row(0, 0, ["Tapaus", "Nimi", "Puhelin", "Soitettu"])
        sheet.write_row(1, 0, ["1", "Aino Mäki", "0401234567"])
        sheet.write_row(2, 0, ["2", "Åke Öst", "0501234567"])
        if fill:
            fill(book, sheet)
    return path


def test_a_workbook_reads_as_text(tmp_path: Path) -> None:
    def fill(book: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        day, moment = book.add_format({"num_format": "d.m.yyyy"}), book.add_format({"num_format": "d.m.yyyy hh:mm"})
        sheet.write_datetime(1, 3, datetime(2026, 11, 2), day)
        sheet.write_datetime(2, 3, datetime(2026, 11, 2, 9, 30), moment)
        sheet.write_row(4, 0, [3, "Plus Oy", 401234567, 12.5])
        sheet.write_string(5, 0, "4")
        sheet.write_string(5, 1, '=HYPERLINK("http://x")')
        book.add_worksheet("Selite").write(0, 0, "what the columns mean")

    table = read(workbook(tmp_path / "a.xlsx", fill), LAYOUT)
    assert table.rows["called_on"].to_list() == ["2026-11-02", "2026-11-02 09:30:00", "12.5", None]
    assert table.rows["phone"].to_list() == ["0401234567", "0501234567", "401234567", None]
    assert table.rows["_position"].to_list() == [2, 3, 5, 6], "row numbers are those of the sheet"
    assert table.flags == [Flag(5, "phone", "number_for_text")] and table.warnings() == ["number_for_text in phone: 1 row(s)"]
    assert names(table)[3] == '=HYPERLINK("http://x")', "a text is no formula"


def test_dates_count_from_1904_where_the_workbook_says_so(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "mac.xlsx", {"date_1904": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["case_id", "nimi", "soitettu"])
        sheet.write_row(1, 0, ["1", "Aino"])
        sheet.write_datetime(1, 2, date(2026, 11, 2), book.add_format({"num_format": "yyyy-mm-dd"}))
    assert read(tmp_path / "mac.xlsx", LAYOUT).rows["called_on"].to_list() == ["2026-11-02"]


@pytest.mark.parametrize(
    ("formula", "value", "expected"),
    [
        ("=A2&A3", "Aino", "formula"),
        ("=A2&A3", "", "formula_without_value"),
        ('=HYPERLINK("http://x";"Aino")', "Aino", "formula_forbidden"),
        ('=WEBSERVICE("http://x")', "Aino", "formula_forbidden"),
        ("=cmd|' /C calc'!A0", "Aino", "formula_forbidden"),
        ("=[1]Sheet1!A1", "Aino", "formula_forbidden"),
    ],
)
def test_formulas_give_their_value_or_nothing(tmp_path: Path, formula: str, value: str, expected: str) -> None:
    table = read(workbook(tmp_path / "a.xlsx", lambda _, sheet: sheet.write_formula(1, 1, formula, value=value)), LAYOUT)
    if expected == "formula":
        assert names(table) == ["Aino", "Åke Öst"] and table.flags == [Flag(2, "name", "formula")]
    else:
        assert faults(table) == [(2, expected, "name")] and names(table) == ["Åke Öst"]


def test_a_formula_never_calculated_has_no_value(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["case_id", "nimi"])
    book.active.append(["1", '="Aino"'])
    book.save(tmp_path / "a.xlsx")
    assert faults(read(tmp_path / "a.xlsx", LAYOUT)) == [(2, "formula_without_value", "name")]


def test_a_shared_formula_is_the_formula_it_shares(tmp_path: Path) -> None:
    def share(sheet: str) -> str:
        first = '<c r="B2" t="str"><f t="shared" ref="B2:B3" si="0">HYPERLINK("http://x")</f><v>Aino</v></c>'
        second = '<c r="B3" t="str"><f t="shared" si="0"/><v>Åke</v></c>'
        sheet = sheet.replace('<c r="B2" t="s"><v>5</v></c>', first)
        return sheet.replace('<c r="B3" t="s"><v>8</v></c>', second)

    path = rewrite(workbook(tmp_path / "a.xlsx"), "xl/worksheets/sheet1.xml", share)
    assert faults(read(path, LAYOUT)) == [(2, "formula_forbidden", "name"), (3, "formula_forbidden", "name")]


def test_merged_cells_are_refused_row_by_row(tmp_path: Path) -> None:
    table = read(workbook(tmp_path / "a.xlsx", lambda _, sheet: sheet.merge_range(4, 1, 6, 1, "Aino")), LAYOUT)
    assert faults(table) == [(5, "merged_cells", "")], "rows that hold nothing but the merge are empty"
    assert names(table) == ["Aino Mäki", "Åke Öst"]


def test_merged_titles_above_the_header_are_no_matter(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.merge_range(0, 0, 0, 1, "Kysely 2026")
        sheet.write_row(2, 0, ["case_id", "nimi"])
        sheet.write_row(3, 0, ["1", "Aino"])
    table = read(tmp_path / "a.xlsx", LAYOUT)
    assert (names(table), table.header_row) == (["Aino"], 3)


def test_an_error_in_a_cell_refuses_the_row(tmp_path: Path) -> None:
    table = read(workbook(tmp_path / "a.xlsx", lambda _, s: s.write_formula(1, 2, "=NA()", value="#N/A")), LAYOUT)
    assert faults(table) == [(2, "cell_error", "phone")]


def test_extent_is_what_the_cells_are_not_what_the_file_claims(tmp_path: Path) -> None:
    lie = rewrite(
        workbook(tmp_path / "a.xlsx"), "xl/worksheets/sheet1.xml", lambda s: s.replace('ref="A1:D3"', 'ref="A1:XFD1048576"')
    )
    assert len(names(read(lie, LAYOUT))) == 2
    short = rewrite(lie, "xl/worksheets/sheet1.xml", lambda s: s.replace('ref="A1:XFD1048576"', 'ref="A1:D2"'))
    assert len(names(read(short, LAYOUT))) == 2, "no row may hide behind a short claim"


# --- refused as a whole -----------------------------------------------------------------------------------------------


def rewrite(path: Path, part: str, change: Callable[[str], str], add: dict[str, bytes] | None = None) -> Path:
    """The workbook with one part changed, and others added."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    before = parts.get(part, b"").decode()
    parts[part] = change(before).encode()
    assert part not in parts or not before or parts[part] != before.encode() or add, "the change must change something"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**parts, **(add or {})}.items():
            archive.writestr(name, data)
    return path


def with_part(path: Path, name: str, data: bytes) -> Path:
    workbook(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return path


LAUGHS = "<!DOCTYPE x [<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12)) + "]>"
EXTERNAL = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"


def after_declaration(text: str) -> Callable[[str], str]:
    return lambda xml: xml.replace("?>\n", "?>\n" + text, 1)


def bomb(path: Path) -> Path:
    """160 MB of one letter in a sixth of a megabyte."""
    workbook(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/worksheets/sheet2.xml", "w") as part:
        for _ in range(160):
            part.write(b"a" * 1_000_000)
    return path


def lying(path: Path) -> Path:
    """A part that unpacks to 50 MB and says 100 bytes, in its own header and in the directory."""
    with_part(path, "xl/worksheets/sheet2.xml", b"a" * 50_000_000)
    data = bytearray(path.read_bytes())
    size = (50_000_000).to_bytes(4, "little")
    while (at := data.find(size)) >= 0:
        data[at : at + 4] = (100).to_bytes(4, "little")
    path.write_bytes(data)
    return path


def dense(path: Path) -> Path:
    def far(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_string(1_048_575, 0, "x")

    return workbook(path, far)


def encrypted_flag(path: Path) -> Path:
    data = bytearray(workbook(path).read_bytes())
    at = data.find(b"PK\x01\x02")
    data[at + 8] |= 1
    path.write_bytes(data)
    return path


def linked(path: Path) -> Path:
    workbook(path)
    info = zipfile.ZipInfo("xl/link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(info, "/etc/passwd")
    return path


def utf16_dtd(path: Path) -> Path:
    """The document type hidden from a search for its bytes."""
    text = f'<?xml version="1.0" encoding="UTF-16"?>{LAUGHS}<x>&a9;</x>'
    return with_part(path, "xl/worksheets/sheet2.xml", text.encode("utf-16"))


HOSTILE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "bomb.xlsx": ("decompress_limit", bomb),
    "bomb in styles.xlsx": ("decompress_limit", lambda p: with_part(p, "xl/more.xml", b"<a>" + b"b" * 9_000_000 + b"</a>")),
    "lying sizes.xlsx": ("bad_zip", lying),
    "laughs in a sheet.xlsx": ("xml_forbidden", lambda p: rewrite(workbook(p), SHEET, after_declaration(LAUGHS))),
    "laughs in strings.xlsx": ("xml_forbidden", lambda p: rewrite(workbook(p), STRINGS, after_declaration(LAUGHS))),
    "laughs in utf-16.xlsx": ("xml_forbidden", utf16_dtd),
    "external entity.xlsx": (
        "xml_forbidden",
        lambda p: rewrite(workbook(p), STRINGS, lambda s: after_declaration(EXTERNAL)(s).replace("Aino Mäki", "&e;")),
    ),
    "external dtd.xlsx": (
        "xml_forbidden",
        lambda p: rewrite(workbook(p), "xl/workbook.xml", after_declaration('<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">')),
    ),
    "deep.xlsx": ("xml_forbidden", lambda p: with_part(p, "xl/deep.xml", b"<a>" * 200_000 + b"</a>" * 200_000)),
    "traversal.xlsx": ("zip_layout", lambda p: with_part(p, "../../evil.xml", b"<a/>")),
    "absolute.xlsx": ("zip_layout", lambda p: with_part(p, "/etc/evil.xml", b"<a/>")),
    "backslash.xlsx": ("zip_layout", lambda p: with_part(p, "..\\evil.xml", b"<a/>")),
    "drive.xlsx": ("zip_layout", lambda p: with_part(p, "C:evil.xml", b"<a/>")),
    "symlink.xlsx": ("zip_layout", linked),
    "twice.xlsx": ("zip_layout", lambda p: with_part(p, "XL/workbook.xml", b"<a/>")),
    "many parts.xlsx": ("zip_layout", lambda p: rewrite(workbook(p), "a", str, {f"xl/{n}": b"" for n in range(600)})),
    "encrypted part.xlsx": ("zip_layout", encrypted_flag),
    "macros.xlsx": ("macros", lambda p: with_part(p, "xl/vbaProject.bin", b"x")),
    "half.xlsx": ("bad_zip", lambda p: p.write_bytes(workbook(p).read_bytes()[:2000])),
    "flipped.xlsx": ("bad_zip", lambda p: flip(workbook(p))),
    "no sheet.xlsx": ("bad_workbook", lambda p: rewrite(workbook(p), SHEET, lambda s: s[: len(s) // 2])),
    "string out of range.xlsx": (
        "bad_workbook",
        lambda p: rewrite(workbook(p), SHEET, lambda s: s.replace("<v>5</v>", "<v>500</v>")),
    ),
    "rows out of order.xlsx": (
        "bad_workbook",
        lambda p: rewrite(workbook(p), SHEET, lambda s: re.sub(r'r="([A-D]?)3"', r'r="\g<1>2"', s)),
    ),
    "cells out of order.xlsx": ("bad_workbook", lambda p: rewrite(workbook(p), SHEET, lambda s: s.replace('r="C2"', 'r="A2"'))),
    "a million rows below.xlsx": ("too_many_rows", dense),
    "column XFD.xlsx": ("too_many_columns", lambda p: workbook(p, lambda _, s: s.write(1, 16_383, "x"))),
    "two tables.xlsx": ("sheets", lambda p: workbook(p, lambda b, _: b.add_worksheet().write_row(0, 0, ["case_id", "nimi"]))),
    "hidden table.xlsx": ("header_mismatch", lambda p: workbook(p, lambda b, s: (b.add_worksheet().activate(), s.hide()))),
    "merged header.xlsx": ("header_mismatch", lambda p: workbook(p, lambda _, s: s.merge_range(0, 2, 0, 3, "Puhelin"))),
    "xls.xlsx": ("not_tabular", lambda p: p.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)),
    "html.xlsx": ("not_tabular", lambda p: p.write_text("<html><table><tr><td>case_id</td></tr></table></html>")),
    "html.csv": ("not_tabular", lambda p: p.write_text("\n<!DOCTYPE html><p>Huoltokatko")),
    "csv.xlsx": ("format_mismatch", lambda p: p.write_text(CSV)),
    "xlsx.csv": ("format_mismatch", workbook),
    "zip.xlsx": ("format_mismatch", lambda p: plain_zip(p)),
    "table.exe": ("format_mismatch", lambda p: p.write_text(CSV)),
    "json.csv": ("not_tabular", lambda p: p.write_text('[{"case_id": 1}]')),
    "gzip.csv": ("not_tabular", lambda p: p.write_bytes(b"\x1f\x8b\x08" + b"x" * 50)),
    "pdf.csv": ("not_tabular", lambda p: p.write_bytes(b"%PDF-1.7")),
    "empty.csv": ("empty", lambda p: p.write_bytes(b"")),
    "zeros.csv": ("empty", lambda p: p.write_bytes(b"\0" * 8192)),
    "utf-16.csv": ("encoding", lambda p: p.write_text(CSV, encoding="utf-16")),
    "utf-16 unmarked.csv": ("encoding", lambda p: p.write_text(CSV, encoding="utf-16-le")),
    "mixed.csv": ("mixed_encoding", lambda p: p.write_bytes("case_id;nimi\n1;Mäki\n".encode() + "2;Åke\n".encode("latin-1"))),
    "no header.csv": ("header_mismatch", lambda p: p.write_text("1;Aino\n2;Eva\n")),
    "renamed column.csv": ("header_mismatch", lambda p: p.write_text("case_id;henkilö\n1;Aino\n")),
    "column twice.csv": ("header_mismatch", lambda p: p.write_text("case_id;nimi;Name\n1;Aino;Eva\n")),
    "header only in quotes.csv": ("header_mismatch", lambda p: p.write_text('"case_id;nimi\n1;Aino\n')),
    "too wide.csv": (
        "too_many_columns",
        lambda p: p.write_text("case_id;nimi;" + ";".join(f"x{n}" for n in range(300)) + "\n"),
    ),
}


def flip(path: Path) -> None:
    """One bit, inside the packed bytes of the first sheet."""
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo(SHEET).header_offset + 30 + len(SHEET) + 20
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(data)


def plain_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("people.csv", CSV)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused_as_a_whole(tmp_path: Path, name: str) -> None:
    reason, write = HOSTILE[name]
    write(tmp_path / name)
    before = set(tmp_path.parent.rglob("*"))
    with pytest.raises(LandingRefused) as refusal:
        read(tmp_path / name, LAYOUT)
    assert refusal.value.reason == reason
    message = str(refusal.value)
    assert "\n" not in message and name in message and "Aino" not in message and "henkil" not in message
    assert set(tmp_path.parent.rglob("*")) == before, "nothing is unpacked"


def test_a_large_file_is_refused_by_its_size(make: Callable[..., Path]) -> None:
    with pytest.raises(LandingRefused, match="too_large"):
        read(make(CSV), LAYOUT, Limits(file_bytes=10))
    with pytest.raises(LandingRefused, match="too_many_rows"):
        read(make(CSV), LAYOUT, Limits(rows=1))
    assert len(names(read(make(CSV), LAYOUT, Limits(rows=2)))) == 2


@pytest.mark.parametrize(
    "name", ["bomb.xlsx", "lying sizes.xlsx", "laughs in strings.xlsx", "deep.xlsx", "a million rows below.xlsx"]
)
def test_a_hostile_file_costs_little_memory_and_reads_nothing_outside(tmp_path: Path, name: str) -> None:
    """In a process of its own: peak memory over that of an ordinary workbook, in megabytes, and the files it opened."""
    HOSTILE[name][1](tmp_path / name)
    workbook(tmp_path / "ordinary.xlsx")
    script = f"""
import resource, sys
from pathlib import Path
from ingest.lake import LandingRefused
from ingest.source import Layout
from ingest.tabular import read
layout = Layout(columns={{"case_id": ["tapaus"], "name": ["nimi"]}}, required=["case_id", "name"])
read(Path({str(tmp_path / "ordinary.xlsx")!r}), layout)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
opened = []
sys.addaudithook(lambda event, args: opened.append(args[0]) if event in ("open", "socket.connect") else None)
try:
    read(Path({str(tmp_path / name)!r}), layout)
except LandingRefused:
    pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, len(opened))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    grown, opened = map(int, done.stdout.split())
    assert grown < 60 and opened == 1


def test_a_line_of_open_quotes_after_another_ends_in_time(make: Callable[..., Path]) -> None:
    start = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    table = read(make("case_id;nimi\n" + '1;"Aino\n' * 20_001), LAYOUT)
    assert table.rows.height + table.refused.height <= 20_001
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - start < 20


def test_fold() -> None:
    assert fold("  Yhteyshenkilön_SÄHKÖPOSTI (työ) ") == "yhteyshenkilon_sahkoposti_tyo"
    assert fold("Telefonnummer / Å") == "telefonnummer_a"


def test_random_damage_never_passes_in_silence(tmp_path: Path) -> None:
    """Truncations and bit flips of a workbook: refused with a reason, or read as it was."""
    whole = workbook(tmp_path / "whole.xlsx").read_bytes()
    expected = read(tmp_path / "whole.xlsx", LAYOUT).rows
    path = tmp_path / "damaged.xlsx"
    for n in range(0, len(whole), max(1, len(whole) // 120)):
        for data in (whole[:n], whole[:n] + bytes([whole[n] ^ 16]) + whole[n + 1 :]):
            path.write_bytes(data)
            try:
                table = read(path, LAYOUT)
            except LandingRefused:
                continue
            assert table.rows.equals(expected) and table.refused.is_empty()
