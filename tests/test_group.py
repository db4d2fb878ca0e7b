"""Target groups as a file: what is read, what is refused and how it is named, and that the schema is current."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from base.refused import Refused
from delivery import criteria, group
from delivery.published import desk
from delivery.tree import MAX_DEPTH, MAX_LEAVES, condition, leaves, text

ROOT = Path(__file__).parents[1]
BASE: dict[str, Any] = {"version": 1, "name": "x", "channels": ["email"]}
REGION = {"field": "region", "in": ["01"]}


@pytest.fixture(scope="module")
def book(published_lake: Path) -> criteria.Codebook:
    return criteria.Codebook(desk(published_lake))


def refused(book: criteria.Codebook | None, **told: Any) -> str:
    with pytest.raises(Refused) as said:
        made = group.parse(BASE | told)
        if book:
            group.check(made, book)
    return str(said.value)


@pytest.mark.parametrize(
    ("told", "named", "nearest"),
    [
        ({"chanels": ["email"]}, "chanels", "channels"),
        ({"channels": ["emial"]}, "emial", "email"),
        ({"unit": "persons"}, "persons", "person"),
        ({"version": 2}, "2", "1"),
        ({"criteria": {"field": "regoin", "in": ["01"]}}, "regoin", "region"),
        ({"criteria": {"field": "maakuntaa", "in": ["01"]}}, "maakuntaa", "region"),
        ({"criteria": {"field": "region", "inn": ["01"]}}, "inn", "in"),
        ({"criteria": {"field": "region", "in": ["Uusimaaa"]}}, "Uusimaaa", "01 (Uusimaa)"),
        ({"criteria": {"field": "municipality", "in": ["Helsinki"]}}, "Helsinki", "091"),
        ({"criteria": {"field": "level", "in": ["directr"]}}, "directr", "director"),
        ({"criteria": {"field": "staff_band", "in": ["10–19"]}}, "10–19", "10-19"),
        ({"campaign": {"area": ["IT"]}}, "area", "areas"),
        ({"campaign": {"areas": ["ITT"]}}, "ITT", "IT"),
        ({"sample": {"sed": 1}}, "sed", "seed"),
        ({"sample": {"n": 5, "stratify_by": ["regions"]}}, "regions", "region"),
        ({"per_company": {"max": 1, "rank_by": ["p_curent"]}}, "p_curent", "p_current"),
    ],
)
def test_what_is_not_known_is_named_with_the_nearest(
    book: criteria.Codebook, told: dict[str, Any], named: str, nearest: str
) -> None:
    said = refused(book, **told)
    assert repr(named) in said and nearest in said.partition("is not known")[2]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"criteria": {"any": []}}, "at least one condition"),
        ({"criteria": {"all": [REGION], "any": [REGION]}}, "side by side"),
        ({"criteria": {"field": "region", "in": []}}, "at least 1"),
        ({"criteria": {"field": "region", "at_least": 1}}, "it takes in, not at_least"),
        ({"criteria": {**REGION, "at_least": 1}}, "one operator, not 2"),
        ({"criteria": {"field": "region"}}, "one operator, not 0"),
        ({"criteria": {"field": "industry", "in": [46.1]}}, "in quotes"),
        ({"criteria": {"field": "region", "in": [True]}}, "in quotes"),
        ({"criteria": {"field": "age_years", "at_least": "5"}}, "age_years takes a number"),
        ({"criteria": {"field": "age_years", "at_least": True}}, "age_years takes a number"),
        ({"criteria": {"field": "age_years", "at_least": float("nan")}}, "age_years takes a number"),
        ({"criteria": {"field": "age_years", "at_least": "2020-01-01"}}, "age_years takes a number"),
        ({"criteria": {"field": "registered_on", "at_least": 5}}, "registered_on takes a date"),
        ({"criteria": {"field": "age_years", "between": [9, 5]}}, "lower end"),
        ({"criteria": {"field": "employer", "is": "yes"}}, "boolean"),
        ({"criteria": {"field": "title", "contains": ""}}, "title"),
        ({"criteria": "all"}, "a condition is a mapping"),
        ({"unit": "organisation", "criteria": {"field": "area", "in": ["IT"]}}, "about persons"),
        ({"as_of": "2026-01-02", "criteria": {"field": "p_current", "at_least": 0.5}}, "history"),
        ({"channels": ["email", "email"]}, "twice"),
        ({"channels": []}, "channels"),
        ({"sample": {"n": 5, "stratify_by": ["area"]}}, "stratify_by"),
    ],
)
def test_what_cannot_be_meant_is_refused(told: dict[str, Any], said: str) -> None:
    assert said in refused(None, **told)


def test_the_limits() -> None:
    deep: Any = REGION
    for _ in range(MAX_DEPTH - 1):
        deep = {"not": deep}
    group.parse(BASE | {"criteria": deep})
    assert "deeper" in refused(None, criteria={"not": deep})
    group.parse(BASE | {"criteria": {"all": [REGION] * MAX_LEAVES}})
    assert "conditions" in refused(None, criteria={"all": [REGION] * (MAX_LEAVES + 1)})


def test_yaml_keeps_codes_as_they_are_written(tmp_path: Path) -> None:
    file = tmp_path / "group.yml"
    file.write_text(
        "version: 1\nname: x\nchannels: [post]\ncriteria:\n  all:\n  - {field: postcode, in: [00100, 0010]}\n"
        "  - {field: region, in: [01, 12]}\n  - {field: registered_on, at_least: 2020-01-31}\n",
        encoding="utf-8-sig",
    )
    postcode, region, registered = leaves(group.load(file).criteria)
    assert condition(postcode)[2] == ["00100", "0010"] and condition(region)[2] == ["01", "12"]
    assert condition(registered)[2] == date(2020, 1, 31)


@pytest.mark.parametrize("broken", ["a: [", "- 1", "a: 1\na: 2", "&a [*a]", "a: !!python/object:os.system {}", "\x00"])
def test_a_file_that_is_no_group_is_refused_with_its_name(tmp_path: Path, broken: str) -> None:
    file = tmp_path / "group.yml"
    file.write_text(broken)
    with pytest.raises(Refused, match=r"^group\.yml") as said:
        group.load(file)
    assert "\n" not in str(said.value)


def test_json_and_yaml_are_one_group_and_the_hash_knows_what_matters(tmp_path: Path) -> None:
    told = BASE | {"channels": ["phone", "email"], "criteria": {"all": [{"field": "region", "in": ["02", "01"]}, REGION]}}
    (tmp_path / "a.json").write_text(json.dumps(told))
    (tmp_path / "a.yml").write_text(yaml.safe_dump(told))
    one, two = group.load(tmp_path / "a.json"), group.load(tmp_path / "a.yml")
    assert one == two
    same = group.parse(told | {"name": "y", "channels": ["email", "phone"]})
    assert group.digest(same) == group.digest(one)
    assert group.digest(group.parse(told | {"channel_mode": "all"})) != group.digest(one)
    assert group.parse(json.loads(group.canonical(one)) | {"name": "x"}).criteria is not None


def test_a_trace_can_be_read_again() -> None:
    told = {"not": {"any": [REGION, {"field": "registered_on", "between": [date(2020, 1, 1), date(2021, 1, 1)]}]}}
    made = group.parse(BASE | {"criteria": told}).criteria
    assert made is not None
    assert group.parse(BASE | {"criteria": json.loads(text(made))}).criteria == made


def test_tol_2008_goes_through_the_crosswalk_and_says_what_splits(book: criteria.Codebook) -> None:
    made = group.parse(BASE | {"criteria": {"field": "industry_2008", "in": ["61.2", "46.51"]}})
    notes = group.check(made, book)
    assert "TOL 2008 61.200 splits into 61.100, 61.900" in notes
    assert any(note.startswith("TOL 2025 46.500 also takes in TOL 2008 46.52") for note in notes)
    assert group.check(group.parse(BASE | {"criteria": {"field": "industry_2008", "in": ["01110"]}}), book) == []


def test_a_section_is_all_its_divisions(book: criteria.Codebook) -> None:
    def words(field: str, code: str) -> tuple[str, ...]:
        (leaf,) = leaves(group.parse(BASE | {"criteria": {"field": field, "in": [code]}}).criteria)
        return book.test(*condition(leaf)).words

    assert words("industry", "f") == ("41", "42", "43") == words("industry_2008", "F")
    assert words("industry", "62.10") == ("6210",)
    assert words("legal_form", "oy") == ("16",) == words("legal_form", "16")


def test_a_raw_range_of_staff_says_which_bands_it_takes(book: criteria.Codebook) -> None:
    def asked(**operator: Any) -> criteria.Test:
        (leaf,) = leaves(group.parse(BASE | {"criteria": {"field": "staff", **operator}}).criteria)
        return book.test(*condition(leaf))

    assert asked(between=[10, 49]).words == ("10-19", "20-49") and not asked(between=[10, 49]).notes
    assert asked(at_least=300).words == ("250-499", "500-999", "1000+") and "250-499" in asked(at_least=300).notes[0]
    assert asked(at_most=9).words == ("0-4", "5-9") and asked(at_most=10).words == ("0-4", "5-9", "10-19")
    assert asked(at_least=9).words[0] == "5-9" and asked(at_least=10).words[0] == "10-19"


def test_every_criterion_has_codes_and_names(book: criteria.Codebook) -> None:
    for criterion in criteria.catalogue().values():
        assert all(criterion.names.values()) and criterion.description
        if criterion.kind == "set":
            assert book.valid(criterion), criterion.code
        assert criteria.dimension_of(criterion.code) in criteria.catalogue()


def test_the_published_schema_is_current_and_takes_what_we_take() -> None:
    published = ROOT / "docs" / "schemas" / "target-group-1.json"
    wanted = json.dumps(group.schema(), indent=2, ensure_ascii=False) + "\n"
    Draft202012Validator.check_schema(group.schema())
    valid = Draft202012Validator(group.schema())
    assert valid.is_valid(BASE | {"criteria": {"not": {"any": [REGION, {"field": "age_years", "at_most": 5}]}}})
    assert not valid.is_valid(BASE | {"criteria": {"field": "regoin", "in": ["01"]}})
    assert not valid.is_valid(BASE | {"criteria": {"field": "region", "at_least": 5}})
    assert published.read_text(encoding="utf-8") == wanted, "write it anew: python -m delivery.group"


def test_the_page_has_every_criterion_and_its_groups_can_be_read(book: criteria.Codebook) -> None:
    page = (ROOT / "docs" / "reference" / "target-groups.md").read_text(encoding="utf-8")
    told = page.partition("<!-- criteria -->\n")[2].partition("<!-- /criteria -->")[0]
    assert told == criteria.table(), "write it anew: python -m delivery.criteria"
    blocks = [block.partition("```")[0] for block in page.split("```yaml\n")[1:]]
    assert len(blocks) > 3
    valid = Draft202012Validator(group.schema())
    for block in blocks:
        made = group.parse(yaml.load(block, Loader=group._Loader))
        group.check(made, book)
        valid.validate(json.loads(made.model_dump_json()))
