"""Which column of a customer's register is what: by its header in Finnish, Swedish or English, and by what it holds.

A header alone may lie (`Y-tunnus` over customer numbers) and many say nothing (`Kenttä 7`): what can be recognised (business id
with its check digit, e-mail, telephone, postcode, site) is taken from the contents, what cannot (name, street, town, persons)
from the header, and the name at last from the column with the most legal forms in it.
"""

import csv
import re
from collections.abc import Sequence
from functools import cache

import polars as pl

from base.normalise import business_id
from base.normalise.address import SEEDS
from base.refused import Refused
from base.tables import fold

# role -> folded headers. The first fitting header from the left takes the role.
HEADERS = {
    "business_id": """y_tunnus ytunnus y_tunnus_vat y_nro ly_tunnus alv_tunnus alv_nro vat vat_id vat_no vat_number fo_nummer
        fo_nr moms_nr momsnummer org_nr organisationsnummer business_id company_id businessid
        registration_number""",
    "name": """nimi yritys yrityksen_nimi yritysnimi asiakas asiakkaan_nimi asiakasnimi toiminimi organisaatio yhtio
        firma namn foretag foretagsnamn foretagets_namn kund kundnamn bolag organisation name company
        company_name customer customer_name organization account account_name business_name""",
    "street": """osoite katuosoite lahiosoite postiosoite kayntiosoite adress gatuadress postadress besoksadress
        utdelningsadress address street street_address address_1 address1 address_line_1 postal_address
        visiting_address""",
    "postcode": """postinumero postinro post_nro pnro ptnro postinumero_ja_postitoimipaikka postnummer postnr post_nr zip
        zip_code zipcode postcode postal_code post_code""",
    "town": """postitoimipaikka ptp toimipaikka kaupunki kunta paikkakunta kotikunta kotipaikka ort postort stad kommun
        hemort city town municipality locality""",
    "phone": """puhelin puh puhelinnumero puhnro puh_nro gsm matkapuhelin kannykka vaihde telefon tel telefonnummer
        mobil phone phone_number telephone mobile""",
    "email": """sahkoposti email e_mail sahkopostiosoite s_posti sposti meili epost e_post e_postadress mail
        email_address""",
    "website": """kotisivu kotisivut www verkkosivu verkkosivusto internet hemsida webbplats website web url homepage site""",
    "person": """yhteyshenkilo yhteyshlo yht_hlo henkilo henkilon_nimi kontakti kontaktihenkilo kontaktperson person
        contact contact_person contact_name paattaja toimitusjohtaja""",
    "first_name": """etunimi etunimet fornamn first_name firstname given_name""",
    "last_name": """sukunimi efternamn last_name lastname surname family_name""",
}
_BY_HEADER = {header: role for role, headers in HEADERS.items() for header in headers.split()}
SAMPLE = 2_000
# What a value of the role looks like, and which share of a column's values must.
_PHONE = re.compile(r"(\+|00)?[\d\s()/.-]{6,22}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_SITE = re.compile(r"(https?://|www\.)\S+\.\S+|[a-z0-9-]+\.(fi|com|net|org|ax|eu)/?", re.IGNORECASE)
_POSTCODE = re.compile(r"(?:FI-?)?(\d{5})(?:\s+\D.*)?")
_FORM = re.compile(r"(^|\s)(oy|ab|oyj|abp|ky|ay|tmi|t:mi|ry|rf|osk|oy\.|as\. ?oy|ltd)(\s|$|,)", re.IGNORECASE)
SHARES = {"business_id": 0.5, "email": 0.6, "website": 0.6, "postcode": 0.8, "phone": 0.7}
ENOUGH = ("business_id", "name", "phone", "email", "website")


def known(cells: Sequence[str]) -> dict[str, int]:
    """Role -> place of the column whose header says it."""
    found: dict[str, int] = {}
    for at, cell in enumerate(cells):
        if (role := _BY_HEADER.get(fold(cell))) is not None:
            found.setdefault(role, at)
    return found


def looks_like_data(cells: Sequence[str]) -> bool:
    """Whether a row of cells is a customer rather than a header: no header known, and an id, a mailbox or a postcode in it."""
    return not known(cells) and any(
        business_id(cell) or _EMAIL.fullmatch(cell.strip()) or re.fullmatch(r"\d{5}", cell.strip()) for cell in cells
    )


def find(headers: Sequence[str], rows: pl.DataFrame) -> dict[str, str]:
    """Role -> column (`c0` ...) of a register's frame. Raises Refused when nothing could tell one organisation from another."""
    samples = [rows[f"c{at}"].drop_nulls().head(SAMPLE).to_list() for at in range(len(headers))]
    looks = [{role: _share(role, values) for role in SHARES} for values in samples]
    found: dict[str, int] = {}
    for role, at in known(headers).items():
        # A header over something else entirely is not believed; an almost empty column is.
        if role not in SHARES or not samples[at] or looks[at][role] >= 0.2:
            found[role] = at
    for role, least in SHARES.items():
        if role not in found:
            free = [at for at in range(len(headers)) if at not in found.values() and samples[at]]
            best = max(free, key=lambda at: (looks[at][role], -at), default=None)
            if (
                best is not None
                and looks[best][role] >= least
                and (role != "postcode" or len(set(samples[best])) > 1 or len(rows) < 5)
            ):
                found[role] = best
    if "name" not in found:
        free = [at for at in range(len(headers)) if at not in found.values() and samples[at]]
        forms = {at: sum(bool(_FORM.search(value)) for value in samples[at]) / len(samples[at]) for at in free}
        best = max(free, key=lambda at: (forms[at], -at), default=None)
        if best is not None and forms[best] >= 0.25:
            found["name"] = best
    if not any(role in found for role in ENOUGH):
        raise Refused("no column holds a name, business id, telephone number, e-mail address or site: nothing to match rows by")
    return {role: f"c{at}" for role, at in sorted(found.items(), key=lambda item: item[1])}


def _share(role: str, values: list[str]) -> float:
    if not values:
        return 0.0
    return sum(_is(role, value.strip()) for value in values) / len(values)


def _is(role: str, value: str) -> bool:
    if role == "business_id":
        return business_id(value) is not None
    if role == "phone":
        return bool(_PHONE.fullmatch(value)) and not re.fullmatch(r"\d{5}", value) and business_id(value) is None
    if role == "postcode":
        return (found := _POSTCODE.fullmatch(value)) is not None and found[1] in _postcodes()
    return bool({"email": _EMAIL, "website": _SITE}[role].fullmatch(value))


@cache
def _postcodes() -> frozenset[str]:
    """Posti's: five digits alone may be a customer's number."""
    with (SEEDS / "postal_codes.csv").open(encoding="utf-8", newline="") as file:
        return frozenset(row["postcode"] for row in csv.DictReader(file))
