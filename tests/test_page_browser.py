"""The page in a real browser: each journey of its users, by hand and by keyboard, also on a phone, with axe looking on."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from axe_playwright_python.sync_playwright import Axe
from openpyxl import load_workbook
from playwright.sync_api import Browser, BrowserContext, Page, expect

from delivery import published, recall
from tests import chromium
from tests.service import Service, inhabited

PATIENCE = 20_000
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}

pytestmark = chromium.needed


@pytest.fixture(scope="module")
def place(whole_lake: Path) -> Iterator[Service]:
    """A service of this file's own, over a lake that can be published anew: people here order, object and confirm."""
    with inhabited(whole_lake) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.started() as made:
        yield made


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport=DESK, color_scheme="light", accept_downloads=True)  # type: ignore[arg-type]
    made.set_default_timeout(PATIENCE)
    yield made
    made.close()


def sign_in(context: BrowserContext, place: Service, who: str, address: str = "/") -> Page:
    """A page of somebody who typed their key. What the browser complains of is a fault."""
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"script: {error}"))
    page.on("console", lambda said: pytest.fail(said.text) if "Content Security Policy" in said.text else None)
    page.on("request", lambda asked: None if asked.url.startswith(place.url) else pytest.fail(f"asked elsewhere: {asked.url}"))
    page.goto(f"{place.url}{address}")
    page.locator("#key").fill(place.keys[who])
    page.locator("main button").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)
    return page


def check(page: Page) -> None:
    """Axe finds nothing serious, and nothing sticks out at the side."""
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), page.url
    bad = [
        (one["id"], [node["html"][:160] for node in one["nodes"][:3]])
        for one in found.response["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert bad == [], page.url


def number(page: Page) -> int:
    """The large number."""
    return int(re.sub(r"\D", "", page.locator("#result-number").inner_text()))


@pytest.fixture
def desk(place: Service) -> Iterator[duckdb.DuckDBPyConnection]:
    with published.desk(place.home) as db:
        yield db


def test_picking_with_facets_map_search_and_back(context: BrowserContext, place: Service) -> None:
    page = sign_in(context, place, "user", "/pick")
    check(page)
    everybody = number(page)
    page.locator("#f-area-HENKILOSTO").check()
    page.wait_for_url("**area=HENKILOSTO*")
    expect(page.locator("#chips")).to_contain_text("Henkilöstöhallinto ja koulutus")
    assert 0 < number(page) < everybody
    assert page.evaluate("document.activeElement.id") == "f-area-HENKILOSTO"
    # The count beside a value is what one gets by it.
    told = page.locator("#n-region-01").inner_text()
    assert told
    page.locator("#tile-01").click()
    page.wait_for_url("**region=01*")
    expect(page.locator("#f-region-01")).to_be_checked()
    assert str(number(page)) == re.sub(r"\D", "", told)
    check(page)
    page.get_by_role("searchbox").fill("espoo")
    page.locator("#take-municipality-049").click()
    page.wait_for_url("**municipality=049*")
    expect(page.locator("#chips")).to_contain_text("Espoo")
    espoo = number(page)
    assert espoo < int(re.sub(r"\D", "", told))
    page.go_back()
    expect(page.locator("#result-number")).to_have_text(told)
    page.get_by_role("link", name="Poista: Vastuualue: Henkilöstöhallinto ja koulutus").click()
    expect(page.locator("#f-area-HENKILOSTO")).not_to_be_checked()
    # What is shared is the address.
    other = context.new_page()
    other.goto(page.url)
    assert number(other) == number(page)
    page.locator("#show-preview").click()
    expect(page.locator("#preview table")).to_contain_text("•••")
    check(page)


def test_the_same_without_any_script(browser: Browser, place: Service) -> None:
    context = browser.new_context(java_script_enabled=False, viewport=DESK)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{place.url}/pick")
    page.get_by_label("Avain").fill(place.keys["user"])
    page.get_by_role("button", name="Kirjaudu sisään").click()
    everybody = number(page)
    page.locator("#f-area-HENKILOSTO").check()
    page.get_by_role("button", name="Laske").click()
    assert "area=HENKILOSTO" in page.url and 0 < number(page) < everybody
    context.close()


def test_picking_by_keyboard_only(context: BrowserContext, place: Service) -> None:
    page = sign_in(context, place, "user", "/pick")
    everybody = number(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Siirry sisältöön")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "f-area-HENKILOSTO":
            break
    page.keyboard.press("Space")
    page.wait_for_url("**area=HENKILOSTO*")
    assert 0 < number(page) < everybody
    for _ in range(160):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "tile-01":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**region=01*")
    expect(page.locator("#tile-01")).to_be_focused()
    narrow = number(page)
    for condition in ("area", "region"):
        page.locator(f"#move-{condition}-any1").focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**any1.{condition}=*")
        expect(page.locator("#blocks")).to_be_focused()
    assert number(page) > narrow, "one of the two is enough"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "any1.area" not in url or "any1.region" not in url)
    # A wrong value is told, and takes nothing else away.
    page.locator("#d-sample > summary").focus()
    page.keyboard.press("Enter")
    page.locator("#n").focus()
    page.keyboard.type("monta")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("tähän kuuluu luku")
    expect(page.locator("#f-area-HENKILOSTO, #b-any1\\.area-HENKILOSTO")).to_have_count(2)


def test_saving_comparing_own_lists_and_swedish(
    context: BrowserContext, place: Service, desk: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    page = sign_in(context, place, "admin", "/pick?region=01")
    for name, query in (("Uusimaa", "region=01"), ("Pirkanmaa", "region=06&area=IT&area=TALOUS")):
        page.goto(f"{place.url}/groups?{query}")
        page.get_by_label("Kohderyhmän nimi").fill(name)
        page.get_by_role("button", name="Tallenna kohderyhmä").click()
        expect(page.get_by_role("status")).to_be_visible()
    check(page)
    page.get_by_label("Vertaa: Uusimaa").check()
    page.get_by_label("Vertaa: Pirkanmaa").check()
    page.get_by_role("button", name="Vertaa valittuja").click()
    expect(page.get_by_role("region", name="Uusimaa").first).to_be_visible()
    check(page)
    customers = tmp_path / "asiakkaat.csv"
    ((known,),) = desk.execute("select min(business_id) from registry.organisations").fetchall()
    customers.write_text(f"y_tunnus;nimi\n{known};Yksi Oy\n", encoding="utf-8")
    page.goto(f"{place.url}/lists")
    page.get_by_label("Listan nimi").fill("asiakkaat")
    page.locator("#file").set_input_files(customers)
    page.get_by_role("button", name="Lataa", exact=True).click()
    expect(page.get_by_role("row", name=re.compile("asiakkaat"))).to_be_visible()
    check(page)
    page.goto(f"{place.url}/pick?exclude=asiakkaat&lang=sv")
    expect(page.locator("html")).to_have_attribute("lang", "sv")
    expect(page.get_by_role("heading", level=1)).to_have_text("Välj en målgrupp")
    expect(page.locator("#chips")).to_contain_text("asiakkaat")
    expect(page.locator("#tile-01")).to_contain_text("Nyland")
    check(page)
    page.get_by_role("link", name="Suomi").click()


def test_refreshing_a_register_by_dropping_it(
    context: BrowserContext, place: Service, desk: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    firms = desk.execute("select business_id, name from registry.organisations order by business_id limit 40").fetchall()
    register = tmp_path / "asiakasrekisteri.csv"
    with register.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";").writerows([("Y-tunnus", "Yritys"), *firms])
    page = sign_in(context, place, "user", "/refresh")
    check(page)
    dropped = page.evaluate_handle(
        """text => { const data = new DataTransfer();
        data.items.add(new File([text], "asiakasrekisteri.csv", {type: "text/csv"})); return data; }""",
        register.read_text(encoding="utf-8"),
    )
    page.locator("[data-drop]").dispatch_event("drop", {"dataTransfer": dropped})
    expect(page.locator("[data-name]")).to_have_text("asiakasrekisteri.csv")
    page.get_by_role("button", name="Päivitä rekisteri").click()
    page.wait_for_url("**/refresh/*")
    expect(page.locator("#ready")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".tiles")).to_contain_text("40")
    check(page)
    with page.expect_download() as waiting:
        page.get_by_role("link", name=re.compile(r"-refreshed\.csv$")).click()
    answer = waiting.value.path().read_text(encoding="utf-8-sig")
    assert all(business_id in answer for business_id, _ in firms)


def test_ordering_downloading_and_confirming_a_recall(
    context: BrowserContext, place: Service, desk: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    page = sign_in(context, place, "admin", "/pick?region=01&channel=email&about=TALOUS&area=TALOUS")
    expected = number(page)
    page.get_by_role("link", name="Tilaa tiedosto").click()
    check(page)
    page.get_by_label("Kohderyhmän nimi").fill("Talouspäättäjät")
    page.get_by_role("button", name="Tilaa tiedosto").click()
    expect(page.get_by_role("alert")).to_contain_text("hyväksyt käyttöehdot")
    page.get_by_label("Hyväksyn käyttöehdot").check()
    page.get_by_label("Hyväksyjän nimi").fill("Ostaja Oskari")
    page.get_by_role("button", name="Tilaa tiedosto").click()
    # The page finds out by itself.
    expect(page.get_by_role("row", name=re.compile("Talouspäättäjät")).locator(".state.made")).to_be_visible(timeout=PATIENCE)
    check(page)
    page.get_by_role("link", name="Toimitukset").first.click()
    page.locator("section").filter(has_text="Kaikki toimitukset").get_by_role("link").first.click()
    check(page)
    with page.expect_download() as waiting:
        page.get_by_role("link", name=re.compile(r"\.xlsx$")).click()
    file = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(file)
    sheet = load_workbook(file, read_only=True).worksheets[0]
    rows = list(sheet.iter_rows(values_only=True))
    assert len(rows) - 1 == expected
    address = dict(zip(rows[0], rows[1], strict=True))["sahkoposti"]

    officer_page = _objected(context.browser, place, str(address))
    office = place.app.state.house.office
    office.republish()
    assert recall.recall(place.home, republish=office.republish)
    page.goto(f"{place.url}/deliveries")
    check(page)
    inbox = page.get_by_role("region", name=re.compile("Saapuneet takaisinvedot"))
    inbox.get_by_role("button", name="Poistot on tehty").click()
    expect(page.get_by_text("Kaikki takaisinvedot on kuitattu.")).to_be_visible()
    officer_page.goto(f"{place.url}/desk/recalls")
    expect(officer_page.get_by_text("Kaikki takaisinvedot on kuitattu.")).to_be_visible()
    officer_page.context.close()


def _objected(browser: Browser | None, place: Service, address: str) -> Page:
    """The officer finds the person, reads the report, writes the objection down."""
    assert browser
    context = browser.new_context(viewport=DESK)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    page = sign_in(context, place, "officer")
    check(page)
    page.locator("#f-email").fill(address)
    page.get_by_role("button", name="Hae").click()
    page.wait_for_url("**/desk/subjects/*")
    expect(page.get_by_text(address).first).to_be_visible()
    expect(page.get_by_role("heading", name="Kenelle luovutettu")).to_be_visible()
    check(page)
    person = page.locator("#person-id").inner_text()
    page.get_by_label("Vahvista kirjoittamalla").fill("p_something_else")
    page.locator("#e-evidence").fill("kirje 1")
    page.get_by_role("button", name="Poista (17 art.)").click()
    expect(page.get_by_role("alert")).to_contain_text("poistettu ei palaa")
    assert page.locator("#person-id").inner_text() == person
    page.get_by_role("link", name="Tietojen raportti").click()
    expect(page.get_by_text(person).first).to_be_visible()
    page.goto(f"{place.url}/desk")
    page.locator("#o-email").fill(address)
    page.locator("#o-evidence").fill("kirje 17")
    page.get_by_role("button", name="Kirjaa").click()
    expect(page.get_by_role("status")).to_contain_text("osui 1 henkilöön")
    expect(page.get_by_role("row", name=re.compile("Acme Oy")).first).to_be_visible()
    check(page)
    return page


def test_the_officer_corrects_and_restricts(context: BrowserContext, place: Service, desk: duckdb.DuckDBPyConnection) -> None:
    """One whom nobody else here looks for: of another region, with an address of their own."""
    ((address,),) = desk.execute(
        """select min(value) from marketing.marketing_contacts where channel = 'email' and person_id is not null
           and business_id in (select business_id from registry.organisations where region_code = '06')"""
    ).fetchall()
    page = sign_in(context, place, "officer", "/desk")
    page.locator("#f-email").fill(address)
    page.get_by_role("button", name="Hae").click()
    page.wait_for_url("**/desk/subjects/*")
    person = page.locator("#person-id").inner_text()
    page.get_by_label("Tieto", exact=True).select_option("title")
    page.get_by_label("Oikea arvo").fill("Avaruusjohtaja")
    page.locator("#c-reason").fill("kirje 2")
    page.get_by_role("button", name="Oikaise").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tieto on oikaistu")
    page.get_by_role("link", name="Rekisteröity").click()
    page.locator("#r-evidence").fill("kirje 3")
    page.get_by_role("button", name="Rajoita").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Käsittely on rajoitettu")
    page.get_by_role("link", name="Rekisteröity").click()
    expect(page.get_by_role("region", name="Kiellot ja rajoitukset").get_by_role("row")).to_have_count(2)
    assert page.locator("#person-id").inner_text() == person


def test_the_administrator_makes_and_ends_a_key(context: BrowserContext, browser: Browser, place: Service) -> None:
    page = sign_in(context, place, "admin", "/keys")
    page.get_by_label("Mihin käyttöön").fill("Asiakastietojärjestelmä")
    page.get_by_role("button", name="Luo avain").click()
    place.keys["fresh"] = page.locator("#made-key").inner_text()
    check(page)
    other = browser.new_context()
    fresh = sign_in(other, place, "fresh", "/pick")
    expect(fresh.get_by_role("link", name="Tunnukset")).to_have_count(0)
    page.goto(f"{place.url}/keys")
    expect(page.get_by_text(place.keys.pop("fresh"))).to_have_count(0)
    page.get_by_role("button", name="Lopeta: Asiakastietojärjestelmä").click()
    expect(page.get_by_role("row", name=re.compile("Asiakastietojärjestelmä"))).to_contain_text("päättynyt")
    fresh.reload()
    expect(fresh.get_by_role("heading", name="Kirjaudu sisään")).to_be_visible()
    other.close()


def test_a_group_is_changed_as_a_file(context: BrowserContext, place: Service, tmp_path: Path) -> None:
    page = sign_in(context, place, "user", "/pick?region=01&any1.area=IT&any1.level=director")
    before = number(page)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Tiedostona (YAML)", exact=True).click()
    file = tmp_path / "group.yaml"
    waiting.value.save_as(file)
    nested = "criteria:\n  any:\n  - all:\n    - {field: region, in: ['01']}\n    - {field: area, in: [IT]}\n"
    page.get_by_role("link", name=re.compile("muokkaa tiedostona")).click()
    page.get_by_label("Tai liitä se tähän").fill("version: 1\nname: Syvä\nchannels: [email, phone, post]\n" + nested)
    page.get_by_role("button", name="Avaa poiminnassa").click()
    page.wait_for_url("**/pick?*")
    expect(page.locator("#chips")).to_contain_text("maakunta: Uusimaa ja vastuualue: Tietohallinto ja IT")
    assert 0 < number(page) < before
    page.goto(f"{place.url}/groups#file")
    page.locator("#group-file").set_input_files(file)
    page.get_by_role("button", name="Avaa poiminnassa").click()
    page.wait_for_url("**/pick?*")
    assert number(page) == before


SEEN = {
    "admin": ["/pick?region=01&any1.area=IT", "/preview?region=01", "/groups?region=01", "/lists", "/order?area=MYYNTI",
              "/orders", "/deliveries", "/refresh", "/keys", "/nowhere"],
    "officer": ["/desk", "/desk/reviews", "/desk/notices", "/desk/recalls", "/desk/trail"],
    "operator": ["/operator"],
}  # fmt: skip


@pytest.mark.parametrize(("language", "scheme", "screen"), [("sv", "dark", DESK), ("en", "light", PHONE)])
def test_every_page_in_other_languages_in_the_dark_and_on_a_phone(
    browser: Browser, place: Service, language: str, scheme: str, screen: dict[str, int]
) -> None:
    """Beside the journeys, which are in Finnish, in daylight and at a desk; Finnish has the longest words for a phone."""
    context = browser.new_context(viewport=screen, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{place.url}/sign-in?lang={language}")
    check(page)
    for who, addresses in SEEN.items():
        page = sign_in(context, place, who, "/sign-in")
        for address in addresses:
            said = f"{place.url}{address}{'&' if '?' in address else '?'}lang="
            page.goto(f"{said}{language}")
            expect(page.locator("html")).to_have_attribute("lang", language)
            check(page)
            if screen == PHONE:
                page.goto(f"{said}fi")
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), page.url
        page.locator(".out button").click()
    context.close()


def test_the_officer_decides_on_look_alikes(context: BrowserContext, place: Service) -> None:
    page = sign_in(context, place, "officer", "/desk/reviews")
    check(page)
    waiting = page.get_by_role("form", name=re.compile("Kielto"))
    count = waiting.count()
    if count:
        waiting.first.get_by_label("Peruste").fill("eri syntymävuosi")
        waiting.first.get_by_role("button", name="Eri henkilö").click()
        expect(waiting).to_have_count(count - 1)


def test_the_operator_sees_how_the_house_is(context: BrowserContext, place: Service) -> None:
    page = sign_in(context, place, "operator")
    assert page.url.endswith("/operator")
    expect(page.get_by_role("row", name=re.compile(r"ytj\.companies"))).to_contain_text("hyväksytty")
    expect(page.get_by_role("heading", name="Kalibrointi")).to_be_visible()
    check(page)


def test_everything_works_on_a_phone(browser: Browser, place: Service) -> None:
    context = browser.new_context(viewport=PHONE, is_mobile=True, has_touch=True)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    page = sign_in(context, place, "admin", "/pick")
    check(page)
    everybody = number(page)
    assert not page.locator("#f-area-IT").is_visible()
    page.get_by_text("Ehdot", exact=True).tap()
    page.locator("#f-area-MARKKINOINTI").tap()
    page.wait_for_url("**area=MARKKINOINTI*")
    assert 0 < number(page) < everybody
    check(page)
    context.close()
