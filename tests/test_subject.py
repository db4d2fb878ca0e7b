"""A person's rights without a lake: the page of the answer word for word, refusals that say nothing of anybody."""

import io
import re
import sys
from collections import Counter
from datetime import date, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import yaml
from pypdf import PdfReader

from ledger import disclosures, objections, recipients, store
from ledger.subjects import Told
from orchestration import cli, cli_subject
from orchestration.state import Refused
from orchestration.subject import change, find, report
from orchestration.subject.find import Question, Subject

PAGE = Path(__file__).parent / "snapshots" / "report_sv.html"
PERSON = "p_1aaaaaaaaaaaaaaaaaaaaaaaa"


def document() -> dict[str, Any]:
    """An answer with one row in every part."""
    told = {"source": "survey", "load_id": "survey-decision_makers-20260102-001"}
    return {
        "made_on": "2026-02-01", "language": "sv", "person_id": PERSON, "purposes": "x", "rights": "x",
        "freshness": "17 procent",
        "values": [{"what": "name", "value": "Åsa <b>Öberg</b>", "business_id": "0112038-9", "organisation": None, **told,
                    "told_on": date(2026, 1, 2), "verified_on": date(2025, 12, 10)}],
        "contacts": [{"channel": "email", "value": "asa@oberg.example", "p_current": 0.987, **told}],
        "roles": [{"role": "verkställande direktör", "business_id": "0112038-9", "started_on": date(2020, 1, 1),
                   "ended_on": None}],
        "areas": [{"area": "Ekonomi", "why": "enligt titeln (stem: ekonomi)", "confidence": 0.7}],
        "history": [], "corrections": [],
        "objections": [{"kind": "objection", "purpose": "marketing", "channel": None, "effective_at": datetime(2026, 1, 5),
                        "revoked_at": None}],
        "notices": [{"sent_on": date(2025, 12, 10), "channel": "phone", "language": "sv", "exception_class": None}],
        "recipients": [{"recipient": "Kund Ab", "business_id": "0201256-6", "file": "lista.csv",
                        "disclosed_at": datetime(2026, 1, 4), "valid_until": date(2026, 3, 4),
                        "purpose": "marketing", "fields": ["name", "email"]}],
        "sources": [{"source": "survey", "publisher": "egen", "legal_basis": "art. 6(1)(f)", "kept_days": 730}],
    }  # fmt: skip


def test_the_page_is_what_it_was_word_for_word() -> None:
    """Golden file: `python -m tests.test_subject` renews it."""
    assert report.html(document()) == PAGE.read_text(encoding="utf-8")


def test_the_page_loads_nothing_and_says_what_was_told_and_no_more() -> None:
    page = report.html(document())
    assert "&lt;b&gt;Öberg" in page and "<b>" not in page
    assert "http" not in page and "src=" not in page and "<script" not in page
    assert "Kund Ab" in page and "lista.csv" in page and "name, email" in page


def test_the_pdf_says_what_the_page_says() -> None:
    made = report.pdf(document())
    assert made and made == report.pdf(document()), "same answer, same bytes"
    read = PdfReader(io.BytesIO(made))
    told = re.sub(r"\s", "", "".join(page.extract_text() for page in read.pages))
    page = re.sub(r"<style>.*</style>|<title>.*</title>|<[^>]*>", "", report.html(document()), flags=re.DOTALL)
    said = re.sub(r"\s", "", unescape(page))
    assert "Åsa<b>Öberg" in told and Counter(told) == Counter(said)
    assert read.metadata and read.metadata.title == "Dina uppgifter i vårt register"


def test_a_pdf_of_many_rows_and_long_cells_goes_over_pages_and_none_misspells_a_name() -> None:
    long = document()
    long["values"] = [long["values"][0] | {"value": f"{number} " + "ä" * 3000} for number in range(60)]
    made = report.pdf(long)
    assert made and len(PdfReader(io.BytesIO(made)).pages) > 5
    unknown = document()
    unknown["values"][0]["value"] = "Erdő Иван"
    assert report.pdf(unknown) is None


def test_every_text_is_there_in_three_languages() -> None:
    told = yaml.safe_load((report.HERE / "report_texts.yml").read_text(encoding="utf-8"))
    for names in [*told["column"].values(), *(names for key, names in told.items() if key != "column")]:
        assert set(names) == set(report.LANGUAGES) and all(names.values())
    assert {*report.SECTIONS} <= {*told}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    store.create(tmp_path)
    recipients.add(tmp_path, "kund", name="Kund Ab", business_id="0201256-6", by_whom="desk")
    for number, valid_until in enumerate((date(2026, 3, 4), date(2026, 1, 31), None), start=1):
        given = disclosures.Delivery(
            f"d{number}", "kund", f"{number}.csv", "0" * 64, ["email"], "marketing", disclosed_at=datetime(2026, 1, 1),
            valid_until=valid_until,
        )  # fmt: skip
        disclosures.record(tmp_path, given, [(PERSON, "0112038-9"), ("p_1other", "0112038-9")])
    return tmp_path


KNOWN = Subject(PERSON, find.Person(), [Told(email="asa@oberg.example"), Told(name="Åsa Öberg", business_id="0112038-9")])


def test_a_correction_names_who_may_still_use_what_was_wrong(home: Path) -> None:
    done = change.correct(home, KNOWN, "title", "Ekonomichef", by_whom="desk", reason="letter 1", today=date(2026, 2, 1))
    assert [one["file"] for one in done.tell] == ["1.csv", "3.csv"]
    assert {one["recipient_name"] for one in done.tell} == {"Kund Ab"}
    with pytest.raises(store.LedgerRefused, match="cannot be corrected"):
        change.correct(home, KNOWN, "birth_date", "1970-01-01", by_whom="desk", reason="letter 1")


def test_a_restriction_knows_the_person_by_everything(home: Path) -> None:
    done = change.restrict(home, KNOWN, evidence="letter 2", by_whom="desk", today=date(2027, 1, 1))
    assert [one["file"] for one in done.tell] == ["3.csv"]
    (row,) = objections.every(home)
    assert (row["objection_id"], row["kind"], row["purpose"]) == (done.number, "restriction", "all")
    # It is no erasure: what is landed next is not held back by it.
    assert objections.erased_keys(home) == set()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Question(), "say who"),
        (Question(name="Aino Mäkinen"), "a name alone is nobody"),
        (Question(business_id="0112038-9"), "an organisation alone is nobody"),
        (Question(birth_date=date(1970, 1, 1)), "a date of birth alone is nobody"),
        (Question(email="aino"), "no e-mail address"),
        (Question(phone="1"), "no telephone number"),
        (Question(name="A B", business_id="1"), "no business id"),
    ],
)
def test_a_question_that_finds_nobody_is_refused_without_repeating_it(asked: Question, said: str) -> None:
    import duckdb

    with duckdb.connect() as db, pytest.raises(Refused, match=said) as refused:
        find._matching(db, asked)
    assert not any(str(value) in str(refused.value) for value in vars(asked).values() if value and len(str(value)) > 3)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("nimi\nAino\n", "its columns are not among"),
        ("email\n", "names nobody"),
        ("birth_date\n1.1.1970\n", "2: birth_date is no day"),
    ],
)
def test_a_file_of_people_is_read_strictly(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(Refused, match=said):
        cli_subject._questions(path)


def test_whom_a_command_is_about_is_not_left_for_others_to_write_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """dbt keeps the command line of its process in run_results.json (found by the proof of an erasure)."""
    monkeypatch.setenv("KOHDE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["kohde", "subject", "find", "--email", "asa@oberg.example"])
    with pytest.raises(SystemExit):
        cli.main()
    assert sys.argv == ["kohde", "subject"]


if __name__ == "__main__":
    PAGE.write_text(report.html(document()), encoding="utf-8")
