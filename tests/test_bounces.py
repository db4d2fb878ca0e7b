"""Customers' feedback: every event in three languages, several contacts in a cell, objections that must not be lost."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest
import xlsxwriter

from ingest import lake
from ingest.lake import LandingRefused
from ingest.sources.bounces.loader import land

DAY = date(2026, 11, 2)
Send = Callable[..., list[lake.Manifest]]
HEADER = "Asiakas;Toimitus;Sähköposti;Puhelin;Y-tunnus;Tapahtuma;Status;Aika;Paluu;Viesti;Nimi"


@pytest.fixture
def send(tmp_path: Path) -> Send:
    def sent(
        *rows: str, header: str = HEADER, name: str = "palaute.csv", encoding: str = "cp1252", day: date = DAY
    ) -> list[lake.Manifest]:
        (tmp_path / name).write_bytes("\r\n".join([header, *rows, ""]).encode(encoding))
        return land(tmp_path / name, day, tmp_path / "lake")

    return sent


def found(tmp_path: Path, columns: str, zone: str = "raw") -> list[tuple[object, ...]]:
    files = tmp_path / "lake" / zone / "bounces" / "events" / "load=bounces-*" / "*.parquet"
    if not list((tmp_path / "lake" / zone / "bounces" / "events").glob("load=bounces-*/*.parquet")):
        return []
    position = "_position" if zone == "raw" else "position"
    return duckdb.sql(
        f"select {columns} from read_parquet('{files}') order by {position} % (1::bigint << 32), {position}"
    ).fetchall()


def refused(tmp_path: Path) -> list[tuple[object, ...]]:
    return found(tmp_path, "position, reason, path", "quarantine")


@pytest.mark.parametrize(
    ("event", "code", "expected"),
    [
        ("hard bounce", "", "EBH"), ("Kova palautus", "", "EBH"), ("hård studs", "", "EBH"),
        ("", "550 5.1.1 user unknown", "EBH"),
        ("soft", "", "EBS"), ("Postilaatikko täynnä", "", "EBS"), ("", "4.2.2", "EBS"), ("soft", "5.1.1", "EBS"),
        ("poissaolo", "", "EAR"), ("Out-of-office", "", "EAR"), ("frånvaro", "", "EAR"), ("Ei enää talossa", "", "GON"),
        ("has left", "", "GON"), ("slutat", "", "GON"), ("kielto", "", "OPT"), ("Unsubscribe", "", "OPT"), ("spam", "", "OPT"),
        ("förbud", "", "OPT"), ("OPT", "", "OPT"), ("väärä numero", "", "BAD"),
    ],
)  # fmt: skip
def test_every_event_by_its_names(tmp_path: Path, send: Send, event: str, code: str, expected: str) -> None:
    send(f"A1;T1;aino@firma.fi;;;{event};{code};2.11.2026 9:30;;;Aino")
    assert found(tmp_path, "disposition, contact_kind, contact, occurred_at") == [
        (expected, "email", "aino@firma.fi", datetime(2026, 11, 2, 9, 30))
    ]
    assert "Aino" not in str(found(tmp_path, "* exclude (contact)"))


def test_an_auto_reply_may_say_that_somebody_has_left(tmp_path: Path, send: Send) -> None:
    (receipt,) = send(
        "A1;T1;a@firma.fi;;;poissa;;2.11.2026;16.11.2026;Olen sairauslomalla 16.11. asti;",
        "A1;T1;b@firma.fi;;;poissa;;2.11.2026;;En ole tavoitettavissa. Aino Mäki EI ENÄÄ työskentele meillä;",
        "A1;T1;c@firma.fi;;;ooo;;2.11.2026;;She no longer works here;",
    )
    assert found(tmp_path, "says_left, returns_on") == [(False, date(2026, 11, 16)), (True, None), (True, None)]
    assert "sairaus" not in str(found(tmp_path, "*")) and receipt.unknown_fields == {}


def test_several_contacts_of_a_cell_are_as_many_events(tmp_path: Path, send: Send) -> None:
    (receipt,) = send('A1;T1;"X@Firma.fi; z@firma.fi";040 1234567;;kielto;;;;;', "A1;T1;;;0112038-9;kielto;;;;;")
    assert found(tmp_path, "contact_kind, contact, _position % (1::bigint << 32)") == [
        ("email", "x@firma.fi", 2), ("email", "z@firma.fi", 2), ("phone", "+358401234567", 2), ("organisation", "0112038-9", 3),
    ]  # fmt: skip
    assert (receipt.counts.read, receipt.counts.landed, receipt.counts.inserted) == (4, 4, 4)
    assert len(set(found(tmp_path, "_position"))) == 4, "the lake tells records apart by their positions"


@pytest.mark.parametrize(
    ("row", "reason", "path"),
    [
        (";T1;a@firma.fi;;;hard;;2.11.2026;;;", "customer_missing", "customer_id"),
        ("A1;T1;a@firma.fi;;;outo juttu;;2.11.2026;;;", "event_unknown", "event"),
        ("A1;T1;a@firma.fi;;;outo juttu;5.1.1;2.11.2026;;;", "event_unknown", "event"),
        ("A1;T1;a@firma.fi;;;;2.0.0;2.11.2026;;;", "event_unknown", "event"),
        ("A1;T1;;;;hard;;2.11.2026;;;", "contact_missing", "email"),
        ("A1;T1;a@b;;;hard;;2.11.2026;;;", "email_shape", "email"),
        ("A1;T1;a@@b.fi;;;hard;;2.11.2026;;;", "email_shape", "email"),
        (f"A1;T1;{'m' * 300}@b.fi;;;hard;;2.11.2026;;;", "too_long", "email"),
        ("A1;T1;etunimi.sukunimi@firma.fi;;;hard;;2.11.2026;;;", "email_pattern", "email"),
        ("A1;T1;;09 12;;väärä numero;;2.11.2026;;;", "phone", "phone"),
        ("A1;T1;a@firma.fi;;;hard;;;;;", "date_missing", "occurred_at"),
        ("A1;T1;a@firma.fi;;;hard;;31.2.2026;;;", "bad_date", "occurred_at"),
        ("A1;T1;a@firma.fi;;;hard;;2.11.2026;;", "ragged", ""),
        # An address that cannot be read must not make the organisation the one who objects.
        ("A1;T1;a@b;;0112038-9;kielto;;;;;", "email_shape", "email"),
    ],
)
def test_a_row_that_cannot_be_taken(tmp_path: Path, send: Send, row: str, reason: str, path: str) -> None:
    (receipt,) = send(row, "A1;T1;ok@firma.fi;;;hard;;2.11.2026;;;")
    assert refused(tmp_path) == [(2, reason, path)] and found(tmp_path, "contact") == [("ok@firma.fi",)]
    assert receipt.counts.balanced() and receipt.counts.quarantined == 1


def test_an_objection_needs_no_day(tmp_path: Path, send: Send) -> None:
    send("A1;;a@firma.fi;;;kielto;;joskus;;;", "A1;;b@firma.fi;;1234567-8;peruutus;;;;;")
    assert found(tmp_path, "contact, disposition, occurred_at") == [("a@firma.fi", "OPT", None), ("b@firma.fi", "OPT", None)]


def test_a_usable_contact_beside_a_bad_one_is_taken_and_flagged(tmp_path: Path, send: Send) -> None:
    send("A1;T1;a@firma.fi;112;;hard;;2.11.2026;;;")
    assert found(tmp_path, "contact, flags") == [("a@firma.fi", "phone:phone_short")]


def test_the_same_event_again_changes_nothing(tmp_path: Path, send: Send) -> None:
    row = "A1;T1;a@firma.fi;;;hard;;2.11.2026;;;"
    (first,) = send(row, row)
    assert (first.counts.landed, first.counts.unchanged, first.counts.duplicates) == (1, 1, 1)
    (later,) = send(row, name="again.csv", day=date(2026, 11, 9))
    assert (later.counts.landed, later.counts.unchanged, later.counts.disappeared) == (0, 1, 0)


def test_a_spreadsheet(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "b.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Customer", "Recipient", "Telefon", "Bounce type", "Timestamp"])
        sheet.write_row(1, 0, ["A1", "a@firma.fi", 401234567, "unsubscribe"])
        sheet.write_datetime(1, 4, datetime(2026, 11, 1, 8), book.add_format({"num_format": "yyyy-mm-dd hh:mm"}))
    land(tmp_path / "b.xlsx", DAY, tmp_path / "lake")
    assert found(tmp_path, "contact, flags, occurred_at") == [
        (contact, "phone:number_for_text", datetime(2026, 11, 1, 8)) for contact in ("a@firma.fi", "+358401234567")
    ]


def test_a_file_that_is_mostly_wrong_is_kept_aside(tmp_path: Path, send: Send) -> None:
    with pytest.raises(LandingRefused, match="bounds"):
        send(*["A1;T1;a@b;;;hard;;2.11.2026;;;"] * 30)
    assert found(tmp_path, "1") == []
    with pytest.raises(LandingRefused, match="empty"):
        send(name="none.csv")
