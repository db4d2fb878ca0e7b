"""The survey's files: every encoding of an area, every outcome, and every row that must not be taken."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest
import xlsxwriter

from ingest import lake
from ingest.lake import LandingRefused
from ingest.people import unknown_organisations
from ingest.source import Source
from ingest.sources.survey.loader import area_words, areas_of, land

Send = Callable[..., list[lake.Manifest]]
DAY = date(2026, 11, 2)
HEADER = (
    "case_id;y_tunnus;yritys;puhelin;yhteyshenkilo_etunimi;yhteyshenkilo_sukunimi;titteli;vastuualue;sahkoposti;kaynti_katu;"
    "kieli;kutsu_pvm;soittokerrat;viim_yhteys;tulos;haastattelija;soittoaika;muistiinpano;suostumus;kielto;aikaleima"
)
FIELDS = HEADER.split(";")
VALUES = [
    "C1", "0112038-9", "Nokia Oyj", "040 1234567", "Aino", "Mäki", "Talousjohtaja", "2", "aino.maki@firma.fi", "Katu 1",
    "fi", "1.9.2026", "2", "2.11.2026 klo 9.30", "valmis", "H7", "", "sairaslomalla", "kyllä", "", "2.11.2026 9:31:05",
]  # fmt: skip
SOUND = dict(zip(FIELDS, VALUES, strict=True))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A lake whose register has two companies."""
    home = tmp_path / "lake"
    source = Source.load("ytj")
    columns = ", ".join(f'null::{kind} as "{name}"' for name, kind in source.datasets["companies"].columns.items())
    folder = home / "raw" / "ytj" / "companies" / "load=ytj-companies-20261101-001"
    folder.mkdir(parents=True)
    duckdb.sql(f"""copy (select unnest(['0112038-9', '0201256-6']) as _key, 'I' as _op, {columns})
                   to '{folder}/part-00000.parquet' (format parquet)""")
    return home


@pytest.fixture
def send(home: Path, tmp_path: Path) -> Send:
    """Land rows given as differences from a sound one, or a whole text."""

    def sent(
        *rows: dict[str, str], text: str | None = None, encoding: str = "utf-8-sig", name: str = "kysely.csv", day: date = DAY
    ) -> list[lake.Manifest]:
        if text is None:
            fields = FIELDS + sorted({f for row in rows for f in row} - set(FIELDS))
            text = (
                "\r\n".join([";".join(fields), *(";".join((SOUND | row).get(f, "") for f in fields) for row in rows)]) + "\r\n"
            )
        (tmp_path / name).write_bytes(text.encode(encoding))
        return land(tmp_path / name, day, home)

    return sent


def landed(home: Path, dataset: str, columns: str, zone: str = "raw") -> list[tuple[object, ...]]:
    files = home / zone / "survey" / dataset / "load=survey-*" / "*.parquet"
    if not list((home / zone / "survey" / dataset).glob("load=survey-*/*.parquet")):
        return []
    order = "_position" if zone == "raw" else "position"
    return duckdb.sql(f"select {columns} from read_parquet('{files}') order by {order}").fetchall()


def quarantined(home: Path, dataset: str) -> list[tuple[object, ...]]:
    return landed(home, dataset, "position, reason, path", zone="quarantine")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "latin-1"])
def test_a_typical_export(home: Path, send: Send, encoding: str) -> None:
    receipts = send(
        {}, {"case_id": "C2", "tulos": "NOA", "yhteyshenkilo_etunimi": "", "yhteyshenkilo_sukunimi": ""}, encoding=encoding
    )
    assert [(m.dataset, m.counts.read, m.counts.landed, m.mode) for m in receipts] == [
        ("decision_makers", 1, 1, "partial"), ("attempts", 2, 2, "partial"), ("cases", 2, 2, "partial"),
    ]  # fmt: skip
    person = "first_name, last_name, title, area_codes, email, email_kind, phone_e164, phone_kind, visiting_street, language"
    assert landed(home, "decision_makers", person) == [
        (
            "Aino",
            "Mäki",
            "Talousjohtaja",
            ["TALOUS"],
            "aino.maki@firma.fi",
            "personal",
            "+358401234567",
            "mobile",
            "Katu 1",
            "fi",
        )
    ]
    facts = "business_id, has_consent, consent_on, notice_on, has_objected, disposition, reported_at, flags"
    assert landed(home, "decision_makers", facts) == [
        ("0112038-9", True, DAY, None, False, "CMP", datetime(2026, 11, 2, 9, 31, 5), None)
    ]
    assert landed(home, "attempts", "case_id, attempted_at, attempt_no, disposition, interviewer_id") == [
        ("C1", datetime(2026, 11, 2, 9, 30), 2, "CMP", "H7"),
        ("C2", datetime(2026, 11, 2, 9, 30), 2, "NOA", "H7"),
    ]
    assert landed(home, "cases", "case_id, business_id, organisation_name, invited_on")[0] == (
        "C1",
        "0112038-9",
        "Nokia Oyj",
        date(2026, 9, 1),
    )
    everything = "".join(str(landed(home, d, "*")) for d in ("decision_makers", "attempts", "cases"))
    assert "sairaslomalla" not in everything, "notes on people are never taken"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"vastuualue": "1,5,10"}, ["YLEISJOHTO", "MYYNTI", "HANKINTA"]),
        ({"vastuualue": "10; 01"}, ["YLEISJOHTO", "HANKINTA"]),
        ({"vastuualue": "IT"}, ["IT"]),
        ({"vastuualue": "Tietohallinto ja IT"}, ["IT"]),
        ({"vastuualue": "Riskienhallinta, vakuutukset ja lakiasiat, Talous"}, ["TALOUS", "RISKI"]),
        ({"vastuualue": "Ekonomi och finansiering; Marknadsföring"}, ["TALOUS", "MARKKINOINTI"]),
        ({"vastuualue": "Risk management, insurance and legal"}, ["RISKI"]),
        ({"vastuualue": "talous ja myynti"}, ["TALOUS", "MYYNTI"]),
        ({"vastuualue": "HANKINTA.autot, HANKINTA.matkat"}, ["HANKINTA"]),
        ({"vastuualue": "", "alue_01": "0", "alue_02": "1", "alue_11": "X", "alue_16": "x"}, ["TALOUS", "IT", "LAATU"]),
        ({"vastuualue": "5", "alue_02": "X"}, ["TALOUS", "MYYNTI"]),
        ({"vastuualue": "", "alue_3": "1"}, ["RISKI"]),
        ({"vastuualue": ""}, []),
    ],
)  # fmt: skip
def test_every_way_to_say_an_area(home: Path, send: Send, row: dict[str, str], expected: list[str]) -> None:
    row = {f: f'"{v}"' if ";" in v else v for f, v in row.items()}
    send(row)
    assert landed(home, "decision_makers", "area_codes") == [(expected,)]


@pytest.mark.parametrize(
    "text", ["17", "0", "1.5", "1.5.2026", "kahvinkeitto", "1,17", "IT;kahvi", "myynti ja kahvi", "1-3", "hallintojohto"]
)
def test_an_area_outside_the_sixteen_is_not_understood(text: str) -> None:
    layout = Source.load("survey").layout
    assert layout and not areas_of(text, area_words(layout))[1]


REFUSED = {
    "no business id": ({"y_tunnus": ""}, "bid_missing", "business_id"),
    "wrong check digit": ({"y_tunnus": "0112038-8"}, "bid_checksum", "business_id"),
    "no business id at all": ({"y_tunnus": "Nokia"}, "bid_shape", "business_id"),
    "unknown organisation": ({"y_tunnus": "1572860-0"}, "org_unknown", "business_id"),
    "nine people": ({"henkilosto": "9"}, "survey_scope", "staff"),
    "area 17": ({"vastuualue": "17"}, "area_unknown", "areas"),
    "area ticked with a question": ({"alue_04": "?"}, "area_unknown", "areas"),
    "area that a spreadsheet made a number": ({"vastuualue": "1.5"}, "area_unknown", "areas"),
    "no notice": ({"suostumus": "", "aikaleima": ""}, "notice_missing", "notice_on"),
    "consent without a day": ({"aikaleima": ""}, "notice_missing", "notice_on"),
    "consent refused": ({"suostumus": "ei"}, "notice_missing", "notice_on"),
    "notice on no day": ({"ilmoitus_pvm": "29.2.2026"}, "bad_date", "notice_on"),
    "notice in the far future": ({"ilmoitus_pvm": "1.1.2099"}, "bad_date", "notice_on"),
    "zero date of a spreadsheet": ({"aikaleima": "1899-12-30"}, "bad_date", "reported_at"),
    "no case": ({"case_id": ""}, "case_missing", "case_id"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_person_who_cannot_be_taken(home: Path, send: Send, name: str) -> None:
    row, reason, path = REFUSED[name]
    receipts = send({"case_id": "C9"}, row)
    assert quarantined(home, "decision_makers") == [(3, reason, path)]
    assert landed(home, "decision_makers", "case_id") == [("C9",)]
    assert all(m.counts.balanced() for m in receipts)


@pytest.mark.parametrize("spelled", ["112038-9", "FI01120389", " 0112038-9 ", "0112038–9", "01120389"])
def test_business_ids_are_repaired_by_rule(home: Path, send: Send, spelled: str) -> None:
    send({"y_tunnus": spelled})
    assert landed(home, "decision_makers", "business_id") == [("0112038-9",)]


@pytest.mark.parametrize(
    ("told", "address", "more", "flags"),
    [
        ("a@b", None, [], "email:email_shape"),
        ("a@@b.fi", None, [], "email:email_shape"),
        ("MATTI@PÄÄSTÖ.FI", "matti@xn--pst-qlaa4i.fi", [], None),
        ("matti@xn--pst-qlaa4i.fi", "matti@xn--pst-qlaa4i.fi", [], None),
        ("x@firma.fi, z@firma.fi", "x@firma.fi", ["z@firma.fi"], None),
        ("m" * 300 + "@firma.fi", None, [], "email:too_long"),
        ("etunimi.sukunimi@firma.fi", None, [], "email:email_pattern"),
        ("", None, None, None),
    ],
)
def test_emails(home: Path, send: Send, told: str, address: str | None, more: list[str] | None, flags: str | None) -> None:
    send({"sahkoposti": told})
    assert landed(home, "decision_makers", "email, email_more, flags") == [(address, more, flags)]
    assert landed(home, "decision_makers", "email_told") == [(told or None,)], "what was told is kept"


@pytest.mark.parametrize(
    ("told", "number", "flags"),
    [
        ("040-123 4567", "+358401234567", None),
        ("+358 (0)40 1234567", "+358401234567", None),
        ("09 12", None, "phone:phone_short"),
        ("112", None, "phone:phone_short"),
        ("0401234567/puhelinvaihde", "+358401234567", None),
        ("0600 12345", None, "phone:phone_premium"),
        ("puhelinvaihde", None, "phone:phone_shape"),
    ],
)
def test_phones(home: Path, send: Send, told: str, number: str | None, flags: str | None) -> None:
    send({"puhelin": told})
    assert landed(home, "decision_makers", "phone_e164, flags") == [(number, flags)]


@pytest.mark.parametrize(
    ("row", "scope", "purpose"),
    [
        ({"kielto": "kyllä"}, "person", "marketing"),
        ({"kielto": "X"}, "person", "marketing"),
        ({"kielto": "ei sähköpostia, kiitos"}, "person", "marketing"),
        ({"tulos": "OPT"}, "person", "marketing"),
        ({"tulos": "RFH"}, "person", "survey_contact"),
        ({"tulos": "RFH", "kielto": "x"}, "person", "marketing"),
        ({"tulos": "RFO"}, "organisation", "survey_contact"),
        ({"kielto": "x", "yhteyshenkilo_etunimi": "", "yhteyshenkilo_sukunimi": ""}, "organisation", "marketing"),
        # Whatever else is wrong with the row.
        ({"kielto": "x", "y_tunnus": "1572860-0"}, "person", "marketing"),
        ({"kielto": "x", "y_tunnus": "", "case_id": ""}, "person", "marketing"),
        ({"kielto": "x", "vastuualue": "17", "suostumus": "", "aikaleima": "32.1.2026"}, "person", "marketing"),
    ],
)
def test_an_objection_always_lands(home: Path, send: Send, row: dict[str, str], scope: str, purpose: str) -> None:
    receipts = send(row)
    assert receipts[0].dataset == "objections", "before anything else is judged"
    assert landed(home, "objections", "scope, purpose, email, phone_e164") == [
        (scope, purpose, "aino.maki@firma.fi", "+358401234567")
    ]


@pytest.mark.parametrize("plain", ["", "ei", "0", "Nej", "-"])
def test_a_plain_no_is_no_objection(home: Path, send: Send, plain: str) -> None:
    assert [m.dataset for m in send({"kielto": plain})] == ["decision_makers", "attempts", "cases"]


def test_an_objector_needs_no_notice(home: Path, send: Send) -> None:
    send({"kielto": "x", "suostumus": "", "aikaleima": ""})
    assert landed(home, "decision_makers", "has_objected, consent_on") == [(True, None)] and not quarantined(
        home, "decision_makers"
    )


def test_outcomes_and_moments(home: Path, send: Send) -> None:
    said = {"GON": "henkilö lähtenyt", "CNC": "Ei muutoksia", "BSY": "varattu", "APP": "appointment", "RFS": "vägran"}
    send(*({"case_id": code, "tulos": way} for code, way in said.items()))
    assert landed(home, "attempts", "case_id, disposition") == [(code, code) for code in said]
    wrong = {
        "X1": {"tulos": "meni metsään"},
        "X2": {"viim_yhteys": ""},
        "X3": {"viim_yhteys": "13.13.2026"},
        "X4": {"soittoaika": "x"},
    }
    send(*({"case_id": case, **row} for case, row in wrong.items()), name="second.csv")
    assert quarantined(home, "attempts") == [
        (2, "disposition_unknown", "disposition"), (3, "date_missing", "attempted_at"), (4, "bad_date", "attempted_at"),
        (5, "bad_date", "appointment_at"),
    ]  # fmt: skip


def test_ten_thousand_people_in_one_firm_are_not_believed(home: Path, send: Send) -> None:
    rows = [{"case_id": f"C{n}", "yhteyshenkilo_sukunimi": f"Mäki{n}"} for n in range(10_000)]
    with pytest.raises(LandingRefused, match="bounds") as refusal:
        send({"case_id": "D", "y_tunnus": "0201256-6", "kielto": "x"}, *rows)
    assert "quarantined 10000" in str(refusal.value)
    assert landed(home, "decision_makers", "1") == [], "nothing of it is in service"
    assert landed(home, "objections", "business_id") == [("0201256-6",)], "but the objection in it is"


def test_people_of_a_large_firm_are_taken_up_to_the_bound(home: Path, send: Send) -> None:
    rows = [{"yhteyshenkilo_sukunimi": f"Mäki{n}"} for n in range(250)]
    (people, *_) = send(*rows)
    assert (people.counts.landed, people.counts.quarantined) == (250, 0)


def test_a_crowd_in_one_firm_leaves_the_other_firms(home: Path, send: Send) -> None:
    crowd = [{"yhteyshenkilo_sukunimi": f"Mäki{n}"} for n in range(251)]
    others = [{"case_id": f"D{n}", "y_tunnus": "0201256-6", "yhteyshenkilo_sukunimi": f"Ek{n}"} for n in range(240)]
    with pytest.raises(LandingRefused):
        send(*crowd, *others)
    (people, *_) = land(home.parent / "kysely.csv", DAY, home, accept_bounds="checked with the field manager")
    assert (people.counts.landed, people.counts.quarantined) == (240, 251)


def test_two_people_of_one_case_are_one_case(home: Path, send: Send) -> None:
    receipts = {m.dataset: m.counts for m in send({}, {"yhteyshenkilo_etunimi": "Eva", "sahkoposti": "a@b"})}
    assert (receipts["decision_makers"].landed, receipts["cases"].landed, receipts["cases"].duplicates) == (2, 1, 1)
    assert receipts["attempts"].landed == 1 and not quarantined(home, "cases")


def test_the_same_person_told_twice_and_differently_is_refused_twice(home: Path, send: Send) -> None:
    send({}, {"titteli": "Leipuri"})
    assert [reason for _, reason, _ in quarantined(home, "decision_makers")] == ["conflicting_duplicate"] * 2


def test_the_same_file_and_the_same_rows_change_nothing(home: Path, send: Send) -> None:
    first = send({})
    assert [m.load_id for m in send({}, name="renamed.csv")] == [m.load_id for m in first]
    later = send({}, name="tomorrow.csv", day=date(2026, 11, 3))
    assert all((m.counts.landed, m.counts.unchanged) == (0, m.counts.read) for m in later)
    assert send({"titteli": "Toimitusjohtaja"}, day=date(2026, 11, 4))[0].counts.updated == 1


def test_a_file_of_attempts_alone(home: Path, send: Send) -> None:
    receipts = send(text="Tapaus;Viim. yhteys;Tulos\nC1;2026-11-02 09:30;NOA\nC1;2026-11-02 12:30;CMP\n")
    assert [(m.dataset, m.counts.landed) for m in receipts] == [("attempts", 2)]


def test_lines_that_cannot_be_read_are_quarantined_among_the_cases(home: Path, send: Send) -> None:
    send(text=f"{HEADER}\nC1;x\n{';'.join(SOUND[f] for f in FIELDS)}\n")
    assert quarantined(home, "cases") == [(2, "ragged", "")] and landed(home, "decision_makers", "case_id") == [("C1",)]


def test_before_any_register_has_landed_every_organisation_passes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"{HEADER}\n{';'.join((SOUND | {'y_tunnus': '1572860-0'})[f] for f in FIELDS)}\n")
    assert land(tmp_path / "a.csv", DAY, tmp_path / "lake")[0].counts.landed == 1


def test_a_spreadsheet_of_the_survey(home: Path, tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "panel.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Case ID", "FO-nummer", "Namn", "Befattning", "Ansvarsområde", "Telefon", "Notice date"])
        sheet.write_row(1, 0, ["C1", "0112038-9", "Åke Öst", "Ekonomichef", "Ekonomi och finansiering", 401234567])
        sheet.write_datetime(1, 6, datetime(2026, 11, 1), book.add_format({"num_format": "d.m.yyyy"}))
        sheet.write_row(2, 0, ["C2", "0112038-9", "Eva Ek", "Inköpschef"])
        sheet.write_formula(2, 4, '=HYPERLINK("http://x";"Inköp")', value="Inköp")
    receipts = land(tmp_path / "panel.xlsx", DAY, home)
    assert landed(home, "decision_makers", "name, area_codes, phone_e164, notice_on, flags") == [
        ("Åke Öst", ["TALOUS"], "+358401234567", date(2026, 11, 1), "phone:number_for_text")
    ]
    assert quarantined(home, "cases") == [(3, "formula_forbidden", "areas")]
    assert sum(m.counts.quarantined for m in receipts) == 1


def test_reasons_and_receipts_hold_no_values_of_people(home: Path, send: Send) -> None:
    send({}, {"case_id": "C2", "vastuualue": "Aino Mäki"}, {"case_id": "C3", "sahkoposti": "aino@@maki.fi"})
    receipts = "".join(path.read_text() for path in (home / "manifests").glob("*.json")).lower()
    assert not any(word in receipts for word in ("aino", "mäki", "maki", "1234567", "nokia"))


def test_a_folder_lands_file_by_file_and_no_address_is_told(home: Path, send: Send, tmp_path: Path) -> None:
    send({}, name="a.csv")
    (tmp_path / "folder").mkdir()
    for name in ("1.csv", "2.csv"):
        (tmp_path / "folder" / name).write_text(f"{HEADER}\n{';'.join((SOUND | {'case_id': name})[f] for f in FIELDS)}\n")
    assert len(land(tmp_path / "folder", DAY, home)) == 6
    with pytest.raises(LandingRefused, match="not_there"):
        land(None, DAY, home)
    with pytest.raises(LandingRefused, match="empty"):
        send(text=HEADER + "\n", name="empty.csv")


def test_known_organisations_come_from_every_register(home: Path) -> None:
    assert unknown_organisations(home, pl.Series(["0112038-9", "1572860-0", None])) == {"1572860-0"}
