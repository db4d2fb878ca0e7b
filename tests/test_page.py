"""The page of the service without a browser: texts, addresses of groups, what people type, who may see what."""

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import duckdb
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.refused import Refused
from delivery import criteria, group, published, targets
from delivery.counting import GATES, SMALL_COUNTS
from delivery.picker import Picker
from delivery.refresh.refreshing import STEPS
from delivery.service.counts import BANDS
from delivery.service.page import form, orders, picking, refusing, rendering, texts
from delivery.service.page import groups as kept_groups
from delivery.service.roles import capabilities
from ledger import access, groups
from tests.random_groups import Dice
from tests.service import Service, serve

PAGE = Path(rendering.__file__).parent
TEMPLATES = sorted((PAGE / "templates").glob("*.html"))
SAID = re.compile(r"""\bt\(\s*["']([a-z_0-9.]+)["']|words\(\s*["']([a-z_0-9]+)["']""")
EITHER = re.compile(r"""["']([a-z_]+)["'] if [^%}]*? else ["']([a-z_]+)["']""")
# Families of which every code has to be there; of others (states, kinds) what is not known is shown as it is.
FAMILIES = {
    "nav": [key for key, *_ in rendering.NAV], "gate": [*GATES[12:], SMALL_COUNTS, "POPULATION", "MATCHING", "RESULT"],
    "state": [*STEPS, "waiting", "done", "failed", "interrupted", "made", "standing", "paused", "ended"],
    "channel": ["email", "phone", "post"], "language": ["fi", "sv", "en"], "schedule": list(orders.SCHEDULES),
    "legal_form_group": ["company", "partnership", "sole_trader", "cooperative", "housing", "association", "foundation",
                         "public", "church", "foreign_branch", "other"],
    "result_of": ["person", "organisation"], "days_since_verified": picking.BAND_NAMES["days_since_verified"],
    "role": ["user", "admin"], "access": ["key", "account"],
    "rank": [*get_args(group.Rank), form.BY_ID], "refusal": [kind for kind, _ in refusing.KINDS],
    "block": ["and", "any", "none"], "block_to": ["and", "any", "none"], "block_of": ["any", "none"],
    "confirmed": ["fetched", "recalled", "destroyed"], "kind": ["full", "delta", "recall"],
}  # fmt: skip
OPEN = ("what", "review", "fault", "topic", "chip", "title", "column", "section", "done", "forbids", "scope", "format", "mode",
        "order_needs", "unit", "purpose")  # fmt: skip


def asked() -> set[str]:
    """Keys that templates and code ask for by name."""
    found: set[str] = set()
    for path in (*TEMPLATES, *PAGE.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        found |= {one or other for one, other in SAID.findall(text)}
        for call in re.findall(r"\bt\(([^()]*)", text):
            found |= {key for pair in EITHER.findall(call) for key in pair}
    found |= {
        key for told in re.findall(r'\{\{ field\("([a-z_]+)"', (PAGE / "templates" / "desk.html").read_text()) for key in [told]
    }
    return found


def test_every_text_is_there_in_three_languages_and_none_is_left_over() -> None:
    known = texts.every()
    assert all(told[language].strip() for told in known.values() for language in ("fi", "sv", "en"))
    wanted = asked() | {f"{family}.{code}" for family, codes in FAMILIES.items() for code in codes}
    wanted |= {"lists_include", "lists_exclude", "objection_needs", "refusal_other", *refusing.FIELDS.values()}
    assert {key for key in wanted if not key.endswith((".", "_"))} - known.keys() == set()
    assert {key for key in known if key not in wanted and key.split(".")[0] not in (*OPEN, *FAMILIES)} == set()


def test_what_is_put_into_a_text_is_the_same_in_each_language() -> None:
    for key, told in texts.every().items():
        assert len({frozenset(re.findall(r"\{(\w+)\}", said)) for said in told.values()}) == 1, key


# A target group as an address.

CODES = {one.code: one for one in criteria.catalogue().values()}
WORD = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=12)


@st.composite
def asked_pairs(draw: st.DrawFn) -> form.Pairs:
    """What a browser could send: criteria of every kind, codes known or not, and the rest of a group."""
    pairs: form.Pairs = []
    codes = draw(st.lists(st.sampled_from(sorted(CODES)), max_size=6, unique=True))
    for code in codes:
        one = CODES[code]
        if one.kind == "set":
            prefix = draw(st.sampled_from(["", form.NOT]))
            pairs += [(prefix + code, word) for word in draw(st.lists(WORD, min_size=1, max_size=3))]
        elif one.kind == "range":
            values = st.dates().map(str) if one.codes == "date" else st.integers(-9, 10**9).map(str) | st.floats(0, 1).map(str)
            low, high = draw(values), draw(values)
            if draw(st.booleans()):
                ordered = sorted((low, high), key=lambda told: told if one.codes == "date" else float(told))  # type: ignore[arg-type,return-value]
                pairs += list(zip((code + form.MIN, code + form.MAX), ordered, strict=True))
            else:
                pairs.append((code + draw(st.sampled_from([form.MIN, form.MAX])), low))
        else:
            pairs.append((code, draw(st.sampled_from(["true", "false"])) if one.kind == "flag" else draw(WORD)))
    pairs += [("channel", channel) for channel in draw(st.lists(st.sampled_from(["email", "phone", "post"]), unique=True))]
    pairs += [("about", word) for word in draw(st.lists(WORD, max_size=2))]
    others = {
        "seed": st.integers(0, 9).map(str), "cells": st.just("2"), "hold_out": st.just("0.1"),
        "name": WORD, "months": st.integers(1, 120).map(str), "cap": st.integers(1, 1000).map(str),
        "n": st.integers(1, 10**6).map(str), "mode": st.just("all"), "purpose": st.just("maintenance"),
    }  # fmt: skip
    if all(CODES[code].in_history for code in codes):
        others["as_of"] = st.just("2026-01-02")
    for key, value in others.items():
        if draw(st.booleans()):
            pairs.append((key, draw(value)))
    return draw(st.permutations(pairs))


@settings(deadline=None)
@given(asked_pairs())
def test_a_group_comes_back_from_its_address(pairs: form.Pairs) -> None:
    made = form.read(pairs)
    again = form.read(form.parsed(form.query(form.write(made))))
    assert again.name == made.name and group.canonical(again) == group.canonical(made)


@pytest.fixture(scope="module")
def desk(published_lake: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with published.desk(published_lake) as db:
        yield db


def test_any_group_has_an_address_that_says_the_same_or_none(desk: duckdb.DuckDBPyConnection) -> None:
    """Blocks, ranks, cells, other days; what nests deeper is kept as it is. A group that is too long has none."""
    targets.make(desk, "person")
    dice = Dice(desk, 5)
    kept = 0
    for _ in range(300):
        wanted = dice.group()
        pairs = form.write(wanted)
        assert form.same(form.read(form.parsed(form.query(pairs))), wanted)
        kept += form.TREE in dict(pairs)
    assert 10 < kept < 200, "most have no part that only a file could change"
    codes = [f"{number:05}" for number in range(1, 10_000)]
    long = {"version": 1, "name": "a", "channels": ["post"], "criteria": {"field": "postcode", "in": codes}}
    with pytest.raises(Refused, match="does not fit"):
        form.write(group.parse(long))


def test_groups_that_differ_do_not_pass_for_the_same() -> None:
    """A round trip is only as good as what it compares by."""
    told = {"version": 1, "name": "a", "channels": ["post"], "criteria": {"all": [{"field": "region", "in": ["01"]}]}}
    one = group.parse(told)
    region, area = {"field": "region", "in": ["01"]}, {"field": "area", "in": ["IT"]}
    assert form.same(one, group.parse(told | {"criteria": region}))
    assert form.same(
        group.parse(told | {"criteria": {"any": [region, area]}}), group.parse(told | {"criteria": {"any": [area, region]}})
    )
    for more in (
        {"criteria": None}, {"criteria": {"not": region}}, {"criteria": {"all": [region, area]}}, {"as_of": "2026-01-02"},
        {"per_company": {"max": 1}}, {"sample": {"n": 5}}, {"criteria": {"any": [region, area]}},
    ):  # fmt: skip
        assert not form.same(one, group.parse(told | more)), more


def test_conditions_move_between_blocks_and_back() -> None:
    pairs = form.parsed("region=01&region=06&age_years.min=3&area=IT")
    block = form.free_block(pairs, "any")
    moved = form.moved(form.moved(pairs, "region", block), "age_years", block)
    assert form.read(moved).model_dump(mode="json")["criteria"] == {
        "all": [{"field": "area", "in": ["IT"]},
                {"any": [{"field": "region", "in": ["01", "06"]}, {"field": "age_years", "at_least": 3}]}],
    }  # fmt: skip
    assert form.free_block(moved, "any") == "any2." and form.free_block(moved, "none") == "none1."
    back = form.moved(form.moved(moved, "any1.region", ""), "any1.age_years", "")
    assert form.same(form.read(back), form.read(pairs))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("regoin=01", "did you mean region"), ("age_years=3", "age_years"), ("age_years.min=kolme", "takes a number"),
        ("not.employer=true", "not.employer"), ("employer=yes", "'yes' is not known"), ("cap=-1", "whole number"),
        ("unit=organisation&area=IT", "is about persons"), ("channel=fax", "fax"), ("n=1e3", "whole number"),
        ("age_years.min=9&age_years.max=3", "the lower end comes first"), ("registered_on.min=2026-13-01", "takes a date"),
    ],
)  # fmt: skip
def test_what_an_address_may_not_say_is_refused_by_its_name(query: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        form.read(form.parsed(query))
    assert said in str(refused.value)
    for language in ("fi", "sv"):
        assert "lang=" not in refusing.said(str(refused.value), language), "it is told in the reader's language"


def raised() -> set[str]:
    """Every line that the service itself refuses by, a 7 for what is put in."""
    found = set()
    service = PAGE.parent
    for path in {*service.glob("*.py"), *(service / "api").glob("*.py"), PAGE / "form.py"} - {service / "settings.py"}:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Fault", "Refused", "problem"):
                for told in node.args:
                    parts = told.values if isinstance(told, ast.JoinedStr) else [told]
                    line = "".join(part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "7"
                                   for part in parts)  # fmt: skip
                    found |= {line} if " " in line and "KOHDE_" not in line else set()
    return found


def test_what_the_service_refuses_is_said_in_the_language_of_the_page() -> None:
    lines = raised()
    assert len(lines) > 25
    # Of the API alone, and nobody comes there by the page.
    others = {"a breakdown has one or two dimensions", "the rest of the request did not come", "Content-Length is a number"}
    left = [line for line in lines - others if "lang=" in refusing.said(line, "fi")]
    assert left == [], "say it in texts.csv too, and how it is known in refusing.py"
    assert refusing.said("area 'ITT' is not known; did you mean IT (Tietohallinto)?", "sv") == (
        "ansvarsområde: värdet ”ITT” är okänt. Menade du: IT (Tietohallinto)?"
    )
    unknown = refusing.said("<b>something else", "fi")
    assert '<span lang="en">&lt;b&gt;something else</span>' in unknown and "englanniksi" in unknown
    assert refusing.said("<b>something else", "en") == "<b>something else"


# What is drawn.


def test_bands_count_what_a_count_of_each_would(desk: duckdb.DuckDBPyConnection) -> None:
    picker = Picker(desk)
    told = {"version": 1, "name": "bands", "unit": "organisation", "channels": ["email", "phone", "post"]}
    cells = picker.bands(group.parse(told), "age_years", BANDS["age_years"])
    for cell in cells:
        if cell.values[0] is not None:
            low, high = BANDS["age_years"][int(cell.values[0])]
            ends = [{"field": "age_years", key: end} for key, end in (("at_least", low), ("at_most", high)) if end is not None]
            assert cell.count == picker.count(group.parse(told | {"criteria": {"all": ends}})).available
    assert sum(cell.count or 0 for cell in cells) == picker.count(group.parse(told)).available


def test_of_persons_small_bands_are_not_shown(desk: duckdb.DuckDBPyConnection) -> None:
    picker = Picker(desk)
    told = {"version": 1, "name": "few", "channels": ["email", "phone", "post"], "criteria": {"field": "region", "in": ["21"]}}
    cells = [
        cell for name, cut in BANDS.items() for cell in picker.bands(group.parse(told), name, cut) if cell.values[0] is not None
    ]
    assert any(cell.count is None for cell in cells) and all(
        cell.count is None or cell.count not in range(1, 5) for cell in cells
    )


def test_every_region_has_a_place_of_its_own_on_the_map(desk: duckdb.DuckDBPyConnection) -> None:
    there = {code for (code,) in desk.execute("select distinct region_code from registry.reference.municipalities").fetchall()}
    places = picking._places()
    assert {code for code, *_ in places} == there
    assert len({(row, column) for _, row, column in places}) == len(places)


def test_a_waterfall_hangs_together() -> None:
    named = picking.Names("fi", {}, {"SAFETY": "turvakielto"})
    lines = [{"gate": gate, "count": count} for gate, count in
             (("MATCHING", 100), ("SAFETY", 10), ("STALE", 0), ("CUSTOMER_EXCLUSION", 40), ("RESULT", 50))]  # fmt: skip
    steps = picking.steps(lines, named)
    assert [(step.name, step.start, step.width) for step in steps] == [
        ("Täyttävät ehdot", 0, 1000), ("Turvakielto", 900, 100), ("Omat listat ja kiellot teille", 500, 400), ("Tulos", 0, 500),
    ]  # fmt: skip


# What is served.


@contextmanager
def page(service: Service, who: str | None) -> Iterator[httpx2.Client]:
    """A browser without script that somebody has signed in with."""
    headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    with httpx2.Client(base_url=service.url, headers=headers, follow_redirects=True, timeout=60) as client:
        if who:
            answer = client.post("/sign-in", data={"key": service.keys[who], "next": "/"})
            assert answer.status_code == 200, answer.text
        yield client


PAGES = [(address, needs) for _, address, needs in rendering.NAV] + [("/preview", "preview"), ("/order", "order")]


@pytest.mark.parametrize("role", access.ROLES)
def test_each_page_is_for_those_whose_role_has_it_and_holds_no_code_of_its_own(service: Service, role: str) -> None:
    with page(service, role) as client:
        for address, needs in PAGES:
            answer = client.get(address)
            assert answer.status_code == (200 if role in capabilities()[needs].roles else 403), address
            assert (
                answer.headers["content-type"].startswith("text/html")
                and "default-src 'self'" in (answer.headers["content-security-policy"])
            )
            # The policy would stop them; nothing is there to be stopped.
            assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", answer.text), address
            assert not re.search(r"(?:src|href)=.https?://(?!127\.0\.0\.1:3000)", answer.text), address


def test_who_has_not_signed_in_is_asked_to_and_comes_back(service: Service) -> None:
    with page(service, None) as client:
        answer = client.get("/pick?region=01&area=IT", follow_redirects=False)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/sign-in?next=%2Fpick%3Fregion%3D01%26area%3DIT"
        assert client.post("/groups", data={"name": "a", "query": ""}).status_code == 401
        wrong = client.post("/sign-in", data={"key": "kohde_a000000000000_" + "x" * 43, "next": "/pick"})
        assert wrong.status_code == 401 and "Avainta ei tunneta" in wrong.text
        back = client.post("/sign-in", data={"key": service.keys["user"], "next": "/pick?region=01"}, follow_redirects=False)
        assert back.headers["location"] == "/pick?region=01"
        for elsewhere in ("https://evil.example/", "//evil.example", "/\\evil.example"):
            away = client.post("/sign-in", data={"key": service.keys["user"], "next": elsewhere}, follow_redirects=False)
            assert away.headers["location"] == "/"
        copied = dict(client.cookies)
        with serve(service.home) as another:
            assert httpx2.get(f"{another.url}/pick", cookies=copied).status_code == 200, "one session, whichever process asks"
        client.post("/sign-out")
        assert client.get("/pick", follow_redirects=False).status_code == 303
    with serve(service.home) as restarted:
        for url in (service.url, restarted.url):
            assert httpx2.get(f"{url}/pick", cookies=copied).status_code == 401, "a copy of the cookie, also after a restart"


def test_a_wrong_criterion_is_told_in_its_place(service: Service) -> None:
    with page(service, "user") as client:
        for query in ("regoin=01", "region=99", "include=nobody", "age_years.min=x"):
            answer = client.get(f"/pick?{query}")
            assert answer.status_code == 422 and 'class="refusal"' in answer.text and 'id="result-number"' in answer.text, query
        # What else was chosen stays.
        kept = client.get("/pick?area=IT&region=99&age_years.min=3").text
        assert 'value="IT" checked' in kept and 'name="age_years.min" id="age-min" inputmode="numeric" value="3"' in kept
        missing = client.get("/nowhere")
        assert missing.status_code == 404 and missing.headers["x-request-id"] in missing.text
        assert client.get("/deliveries/none").status_code == 404


HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


def test_what_people_type_is_shown_as_they_typed_it(service: Service) -> None:
    with page(service, "admin") as client:
        saved = client.post("/groups", data={"name": HOSTILE, "query": "region=01"})
        (kept,) = [row for row in groups.every(service.home, "acme") if "alert" in row["spec"]]
        try:
            for answer in (
                saved, client.get("/pick", params={"title": HOSTILE, "q": HOSTILE, "name": HOSTILE}),
                client.get("/order", params={"group_id": kept["group_id"]}), client.get("/pick", params={HOSTILE: HOSTILE}),
                client.get("/sign-in", params={"next": "/" + HOSTILE}), client.get("/" + HOSTILE, params={"lang": HOSTILE}),
                client.post("/lists", data={"name": HOSTILE}, files={"file": (HOSTILE + ".csv", b"y_tunnus\n1\n")}),
            ):  # fmt: skip
                assert "<script>alert" not in answer.text and "<img" not in answer.text
                assert answer.headers["content-type"].startswith("text/html")
            with page(service, "beta") as other:
                assert other.get("/order", params={"group_id": kept["group_id"]}).status_code == 404
                assert other.post(f"/groups/{kept['group_id']}/remove").status_code == 404
        finally:
            assert client.post(f"/groups/{kept['group_id']}/remove").status_code == 200
        assert "alert" not in client.get("/groups").text


def test_a_language_stays_chosen(service: Service) -> None:
    with page(service, "user") as client:
        assert '<html lang="fi">' in client.get("/pick").text
        told = client.get("/pick?region=01&lang=sv").text
        assert '<html lang="sv">' in told and "Nyland" in told and "Varifrån talet kommer" in told
        assert '<html lang="sv">' in client.get("/groups").text
        assert '<html lang="en">' in client.get("/groups?lang=en").text
        assert '<html lang="en">' in client.get("/groups?lang=xx").text


def test_a_fragment_is_the_page_without_its_frame(service: Service) -> None:
    with page(service, "user") as client:
        whole, part = client.get("/pick?region=01"), client.get("/pick?region=01", headers={"X-Fragment": "1"})
        assert "<html" in whole.text and "<html" not in part.text and 'id="result-number"' in part.text
        number = re.search(r'id="result-number">([^<]+)', whole.text)
        assert number and f'id="result-number">{number[1]}<' in part.text


def test_a_group_goes_out_as_a_file_and_comes_back(service: Service) -> None:
    """By the address of the page when it fits, else kept under its name; what is wrong is told beside what was sent."""
    query = "unit=person&any1.area=IT&any1.level=director&region=01&cap=2&rank=level&n=9&strata=region&cells=2"
    with page(service, "user") as client:
        shown = client.get(f"/pick?{query}").text
        for key in ("any1.area", "any1.level", "region", "cap", "n", "cells"):
            chosen = rf'name="{key}"[^>]*(?:checked|value="[^"]+")|<select[^>]*name="{key}">(?:.|\n)*? selected'
            assert re.search(chosen, shown), key
        file = client.get(f"/groups/file?{query}")
        assert "attachment" in file.headers["content-disposition"]
        wanted = form.read(form.parsed(query))
        assert form.same(group.read(file.content, "a"), wanted)
        back = client.post("/groups/file", files={"file": ("a.yaml", file.content)}, follow_redirects=False)
        assert form.same(form.read(form.parsed(back.headers["location"].partition("?")[2])), wanted)
        wrong = client.post("/groups/file", data={"text": "version: 1\nname: <b>x\nchannels: [fax]\n"})
        assert wrong.status_code == 422 and "Mahdollisia ovat" in wrong.text and "name: &lt;b&gt;x" in wrong.text
        # With eight such lines more it would take all memory there is.
        bomb = "areas: [&a0 [x, x], &a1 [*a0, *a0], &a2 [*a1, *a1]]"
        answer = client.post("/groups/file", data={"text": f"version: 1\nname: a\nchannels: [post]\n{bomb}\nunit: *a2\n"})
        assert answer.status_code == 422 and "ei ole YAML" in answer.text
        large = client.post("/groups/file", files={"file": ("a.yaml", b"#" * (kept_groups.MAX_BYTES + 1))})
        assert large.status_code == 422 and "liian suuri" in large.text
        titles = ", ".join(f"{{field: title, contains: {'x' * 190}{number}}}" for number in range(190))
        long = f"version: 1\nname: Pitkä\nchannels: [post]\ncriteria: {{any: [{titles}]}}\n"
        assert "ei mahdu osoitteeseen" in client.post("/groups/file", data={"text": long}).text
        assert "Pitkä" in client.post("/groups/file", data={"text": long, "keep": "yes"}).text
        (kept,) = [row for row in groups.every(service.home, "acme") if "Pitkä" in row["spec"]]
        assert len(group.read(client.get(f"/groups/file?group_id={kept['group_id']}").content, "a").model_dump_json()) > 20_000
        client.post(f"/groups/{kept['group_id']}/remove")


def test_an_order_needs_the_terms_and_a_name_and_is_one_however_often_it_is_sent(service: Service) -> None:
    with page(service, "admin") as client:
        form_page = client.get("/order?region=21&reason=the+test+asks+everybody").text
        fields = {name: re.search(rf'name="{name}" value="([^"]*)"', form_page) for name in ("group_json", "key", "version")}
        told = {name: found[1].replace("&#34;", '"') for name, found in fields.items() if found}
        told |= {"name": "Ahvenanmaa", "format": "csv", "language": "sv", "mode": "full", "schedule": "monthly"}
        refused = client.post("/order", data=told | {"by": "Ostaja Oskari"})
        assert refused.status_code == 422 and "hyväksyt käyttöehdot" in refused.text
        assert client.post("/order", data=told | {"accepted": "yes", "by": ""}).status_code == 422
        for _ in range(2):
            taken = client.post("/order", data=told | {"accepted": "yes", "by": "Ostaja Oskari"})
            assert taken.status_code == 200 and taken.text.count("Ahvenanmaa") == 1
        (order_id,) = set(re.findall(r'action="/orders/([^/]+)/state"', taken.text))
        ended = client.post(f"/orders/{order_id}/state", data={"state": "ended"})
        assert "päättynyt" in ended.text


def test_keys_are_made_shown_once_used_and_ended(service: Service) -> None:
    with page(service, "admin") as client, page(service, "beta") as other:
        made = client.post("/keys", data={"label": HOSTILE[:90], "role": "user", "days": "30"})
        (key,) = re.findall(r'id="made-key">(kohde_[^<]+)<', made.text)
        access_id = key.split("_")[1]
        assert made.headers["cache-control"] == "no-store" and "<script>alert" not in made.text
        listed = client.get("/keys").text
        assert len(re.findall("state ended", listed)) >= 2, "one that was ended, one that ran out by itself"
        assert key not in listed and f'id="{access_id}"' in listed
        assert re.search(rf'id="{access_id}".*\n?.*<td>–</td>\s*<td>', listed), "never used"
        assert access_id not in other.get("/keys").text
        assert other.post(f"/keys/{access_id}/end").status_code == 404
        with httpx2.Client(base_url=service.url, headers={"Authorization": f"Bearer {key}"}) as program:
            assert program.get("/api/v1/groups").status_code == 200
            service.app.state.house.trail.flush()
            assert not re.search(rf'id="{access_id}".*\n?.*<td>–</td>\s*<td>', client.get("/keys").text), "used"
            added = {row["access_id"]: row["added_at"] for row in access.every(service.home)}[access_id]
            assert "päättynyt" in client.post(f"/keys/{access_id}/end").text
            assert {row["access_id"]: row["added_at"] for row in access.every(service.home)}[access_id] == added
            assert program.get("/api/v1/groups").status_code == 401
        for label, days in (("x", "30"), ("ohjelma", "9999")):
            refused = client.post("/keys", data={"label": label, "role": "user", "days": days})
            assert refused.status_code == 422 and "made-key" not in refused.text


def test_pages_are_in_the_trail_as_the_api_is(service: Service) -> None:
    with page(service, "user") as client, page(service, "officer") as officer:
        asked = client.get("/preview?region=01").headers["x-request-id"]
        counted = client.get("/pick?region=01").headers["x-request-id"]
        told = officer.get("/desk/trail").text
        assert "GET /preview" in told and "GET /pick" in told
        service.app.state.house.trail.flush()
        rows = {row["request_id"]: row for row in service.as_("officer").get("/desk/trail").json()}
        assert rows[asked]["rows"] > 0 and rows[asked]["recipient_id"] == "acme" and rows[counted]["about"]
