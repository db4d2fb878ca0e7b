"""The table of columns: one header for each code in each language, each described, each with a kind the formats know."""

import csv
import re
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from base.refused import Refused
from delivery import columns, published
from delivery.columns import LANGUAGES, Language
from delivery.render.sheets import KINDS

ROOT = Path(__file__).parents[1]
# DOMAIN 5: what Finnish customers' programs know these by.
FINNISH = set(
    re.findall(
        r"\w+",
        """y_tunnus
        yritys yhtiomuoto toimiala_koodi toimiala kayntiosoite kaynti_postinumero kaynti_postitoimipaikka postiosoite
        puhelin sahkoposti www henkilostoluokka liikevaihtoluokka perustettu etunimi sukunimi titteli asema vastuualue_koodi
        vastuualue kieli vahvistettu_pvm vahvistaja tuoreus_todnak osoitelahde voimassa_asti rivi_id kohdehenkilo_id syy solu op
        poiston_syy postirivi_1 postirivi_2 postirivi_3 puuttuvat""",
    )
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_codes_and_headers_are_one_to_one(language: Language) -> None:
    headers = [column.headers[language] for column in columns.every().values()]
    assert not [header for header, times in Counter(headers).items() if times > 1]
    for code in columns.every():
        assert columns.code_of(columns.header(code, language), language) == code
    assert all(re.fullmatch("[a-z][a-z0-9_]*", header) for header in headers)


def test_the_finnish_headers_are_those_that_customers_know() -> None:
    assert {column.headers["fi"] for column in columns.every().values()} >= FINNISH


def test_codes_are_english_and_everything_is_described() -> None:
    assert len(columns.every()) == len(list(csv.reader((ROOT / "delivery" / "columns.csv").open(encoding="utf-8")))) - 1
    for code, column in columns.every().items():
        assert re.fullmatch("[a-z][a-z0-9_]*", code)
        assert len({column.descriptions[language] for language in LANGUAGES}) == 3
        assert all(len(column.descriptions[language]) > 3 for language in LANGUAGES)
        assert column.kind in KINDS and column.channel in (None, "email", "phone", "post") and column.width > 5
        assert (column.decimals == 0) or column.kind == "number"
        assert column.when_null in columns.values()["null_reason"]
        assert columns.schema([column], reasons=False).names == ([] if code == columns.MISSING else [code])


def test_whatever_tells_of_a_person_is_personal() -> None:
    """Also an organisation's name and addresses: a sole trader's are a person's."""
    free = {code for code, column in columns.every().items() if not column.is_personal}
    assert not free & {column.code for column in columns.every().values() if column.unit == "person" or column.channel}
    assert not free & {"organisation_name", "business_id", "row_id", "visiting_street", "website", "restriction", "why"}


def test_parts_come_with_their_files() -> None:
    full, delta, maintenance = columns.of(), columns.of(delta=True), columns.of(maintenance=True)
    assert [column.code for column in delta if column not in full] == ["operation", "removal_reason", "merged_into"]
    assert [column.code for column in maintenance if column not in full] == ["restriction"]
    assert full[-1].code == columns.MISSING and columns.schema().field("p_current").type == pa.decimal128(18, 4)


def test_every_coded_value_has_words_in_three_languages() -> None:
    for code, named in columns.values().items():
        assert code in ("null_reason", "boolean", "source") or code in columns.every()
        assert all(words[language] for words in named.values() for language in LANGUAGES)
        for language in LANGUAGES:
            # Two sources of one publisher have one name.
            assert code == "source" or len({words[language] for words in named.values()}) == len(named)


def test_every_code_that_is_published_has_words(published_lake: Path) -> None:
    tables = {"status": "organisations", "level": "decision_makers", "verifier": "decision_makers"}
    with published.desk(published_lake) as db:
        for code, table in tables.items():
            found = db.execute(f"select distinct {code} from registry.{table} where {code} is not null").fetchall()
            assert found and {value for (value,) in found} <= set(columns.values()[code])


@pytest.mark.parametrize("name", ["nimi", "", "name"])
def test_what_is_no_column_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="no column"):
        columns.header(name, "fi")
    with pytest.raises(Refused, match="no column"):
        columns.code_of(name, "fi")


def test_the_page_has_the_table_as_it_is() -> None:
    """Write it anew with: python -m delivery.columns"""
    page = (ROOT / "docs" / "reference" / "extract-files.md").read_text(encoding="utf-8")
    assert page.split("<!-- columns -->\n")[1].split("<!-- end -->")[0] == columns.reference()
    reasons = page[page.index("## Nulls") : page.index("## Columns")]
    assert set(re.findall(r"^\| `(\w+)` \|", reasons, re.MULTILINE)) == set(columns.values()["null_reason"])
