"""The staging models of the registers that come as files: they build, tell what landed, and say which columns are personal."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingest.sources.associations import loader as associations
from ingest.sources.foundations import loader as foundations
from ingest.sources.prh_officers import loader as officers
from ingest.sources.statfi_business import loader as statfi_business
from ingest.sources.vero import loader as vero
from ingest.sources.ytj_extract import loader as ytj_extract
from orchestration import settings
from tests import test_prh_officers, test_statfi_business, test_vero, test_yrtti, test_ytj_extract
from tests.staging import build_staging, staged

DAY = date(2026, 1, 2)
SOURCES = ("prh_officers", "ytj_extract", "associations", "foundations", "vero", "statfi_business")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("registers")
    home = folder / "lake"
    lines = [*test_prh_officers.ROWS, test_prh_officers.changed(loppupvm="2018-01-01", henkilo_id="H77")]
    officers.land(test_prh_officers.write(folder / "officers", lines), DAY, home)
    ytj_extract.land(test_ytj_extract.write(folder / "extract", test_ytj_extract.company()), DAY, home)
    body = test_yrtti.body("195.883", BusinessId=None)
    associations.land(test_yrtti.write(folder / "bodies", body, test_yrtti.body("7")), DAY, home)
    foundations.land(test_yrtti.write(folder / "bodies", body), DAY, home)
    vero.land(test_vero.write(folder / "tax"), DAY, home)
    test_statfi_business.write(folder / "sizes", test_statfi_business.ROWS, name="2026-01.csv")
    test_statfi_business.write(folder / "sizes", test_statfi_business.STAFF, test_statfi_business.BANDS, "2026-01-staff.csv")
    statfi_business.land(folder / "sizes", DAY, home)
    with pytest.MonkeyPatch.context() as patch:
        build_staging(home, " path:models/staging/".join(SOURCES), patch)
    return home


def test_officers(home: Path) -> None:
    found = {row["last_name"]: row for row in staged(home, "from stg_prh_officers__officers where not has_inverted_interval")}
    assert len(found) == 4 and found['Tilintarkastus "Luku"; Oy']["is_firm"] and not found["Nimetön"]["is_firm"]
    (inverted,) = staged(home, "from stg_prh_officers__officers where has_inverted_interval")
    assert inverted["ended_on"] < inverted["started_on"]


def test_the_extract_and_its_contacts(home: Path) -> None:
    (row,) = staged(home, "from stg_ytj_extract__companies")
    assert (row["language_code"], row["domicile_code"], row["postal_street"]) == ("sv", "091", "Keksittytie 3 4a")
    contacts = {c["contact_type"]: c["normal"] for c in staged(home, "from stg_ytj_extract__contacts")}
    assert contacts == {"phone": "+35895656110", "mobile": "+358401234567", "email": "info@keksitty.fi", "website": None}


def test_associations_and_foundations(home: Path) -> None:
    rows = staged(home, "from stg_associations__associations order by registration_number")
    assert [(r["registration_number"], r["business_id"], r["postal_street"]) for r in rows] == [
        ("195883", None, "Keksittytie 3 A 4"),
        ("7", "0112038-9", "Keksittytie 3 A 4"),
    ]
    assert "Salainen" not in json.dumps(rows + staged(home, "from stg_foundations__foundations"), default=str)


def test_taxes(home: Path) -> None:
    found = {r["business_id"]: r["municipality_code"] for r in staged(home, "from stg_vero__corporate_tax")}
    assert found == {"0112038-9": "200", "0201256-6": "091", "0135457-2": None}


def test_sizes_and_bands(home: Path) -> None:
    rows = staged(home, "from stg_statfi_business__size_classes order by business_id")
    assert [(r["size"], r["sector_code"]) for r in rows] == [("large", "S11101"), ("micro", "S11102"), (None, "S131311")]
    assert {r["band_code"] for r in staged(home, "from stg_statfi_business__staff_bands")} == {"1000+", "10-19", "unknown"}


# What is a person's, by the name a column has in any of these models.
PERSONAL = {
    "stg_prh_officers__officers": {
        *("place_id", "person_key", "person_id", "last_name", "first_names", "birth_date", "nationality_code", "country_code"),
    },
    "stg_ytj_extract__companies": {"name", "visiting_street", "postal_street", "postal_box"},
    "stg_ytj_extract__contacts": {"told", "normal"},
    "stg_associations__associations": {"postal_street", "email_told", "email", "phone_told", "phone"},
    "stg_foundations__foundations": {"postal_street", "email_told", "email", "phone_told", "phone"},
    "stg_statfi_business__size_classes": {"name"},
}


def test_personal_columns_are_tagged(home: Path) -> None:
    tagged: dict[str, set[str]] = {}
    for source in SOURCES:
        (file,) = (settings.DBT_PROJECT / "models" / "staging" / source).glob("_*__models.yml")
        for model in yaml.safe_load(file.read_text(encoding="utf-8"))["models"]:
            columns: list[dict[str, Any]] = model["columns"]
            there = set(staged(home, f"from {model['name']} limit 1")[0])
            assert {c["name"] for c in columns} <= there, f"{model['name']} documents a column it does not have"
            if found := {c["name"] for c in columns if c.get("config", {}).get("meta", {}).get("personal")}:
                tagged[model["name"]] = found
    assert tagged == PERSONAL
