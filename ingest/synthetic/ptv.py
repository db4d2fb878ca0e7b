"""Public bodies as the Finnish Service Catalogue (Suomi.fi PTV) publishes them: open API v11, and some in the older v9 shape.

There are some hundreds of them whatever the size of the world, so they are composed one by one in Python.
"""

import json
import random
import uuid
from datetime import date
from pathlib import Path
from typing import Any

from base.files import write_text
from ingest.synthetic.society import Society

PAGE_SIZE = 1000
OLD_SHAPE_SHARE = 0.05
CHANGE_SHARE = 2.0
"""Of PTV organisations, per change_share of the world: they are edited by hand, often."""

TYPES = {"municipality": "Municipality", "county": "Region", "joint_authority": "RegionalOrganization", "state": "State"}
UNITS = [
    ("Sivistystoimi", "Bildningssektorn"),
    ("Tekninen toimi", "Tekniska sektorn"),
    ("Kirjasto", "Biblioteket"),
    ("Rakennusvalvonta", "Byggnadstillsynen"),
    ("Asiakaspalvelu", "Kundservice"),
    ("Hankintapalvelut", "Upphandling"),
    ("Vesilaitos", "Vattenverket"),
]
SWITCHBOARD = {"fi": "Vaihde", "sv": "Växel", "en": "Switchboard"}

QUERY = """
SELECT
    e.number, e.business_id, e.kind, e.name, e.is_swedish, e.municipality_code, m.name_fi, m.name_sv, m.language_code,
    e.visiting.street, e.visiting.building, e.postcode, p.name_fi, p.name_sv, e.domain, switchboard(e.number),
    area_phone(e.number),
    b.postcodes, h.title, if(w.person IS NULL, NULL, work_email(w, getvariable('today')::DATE, e.domain)), w.call_name,
    surname_on(w, getvariable('today')::DATE), w.mobile
FROM entity AS e
INNER JOIN other AS o ON e.number = o.number
LEFT JOIN reference.municipalities AS m ON e.municipality_code = m.code
LEFT JOIN reference.postal_codes AS p ON e.postcode = p.postcode
LEFT JOIN box_postcodes AS b ON e.municipality_code = b.municipality_code
LEFT JOIN (SELECT number, min_by(title, slot) AS title, min_by(person, slot) AS person FROM tenure
    WHERE slot >= 16 AND ended_on IS NULL GROUP BY number) AS h ON e.number = h.number
LEFT JOIN person AS w ON h.person = w.person
WHERE e.kind IN ('municipality', 'county', 'joint_authority', 'state')
ORDER BY e.number DESC
"""

Json = dict[str, Any]


class Ptv:
    """Writes ptv/<day>/ under `out`: pages, all organisations as lines, and v9/ with some in the older shape."""

    def __init__(self, society: Society, out: Path) -> None:
        self.society = society
        self.out = out / "ptv"
        row = society.world.connection.execute("SELECT getvariable('seed')").fetchone()
        self.seed = row[0] if row else 0
        self.editions: dict[int, tuple[int, date]] = {}

    def write_day(self) -> None:
        """Everything as it is today."""
        day, share = self.society.day, self.society.world.change_share
        organisations: list[Json] = []
        for row in self.society.world.connection.execute(QUERY).fetchall():
            number = row[0]
            edition = self.editions.get(number)
            if edition is None:
                back = self._chances(number, "first").randrange(1500)
                edition = (0, date.fromordinal(day.toordinal() - 1 - back))
            elif self._chances(number, day.isoformat()).random() < min(0.5, share * CHANGE_SHARE):
                edition = (edition[0] + 1, day)
            self.editions[number] = edition
            organisations += self._organisation(row, *edition)
        folder = self.out / day.isoformat()
        pages = -(-len(organisations) // PAGE_SIZE)
        for page in range(1, pages + 1):
            items = [
                {"id": o["id"], "name": o["organizationNames"][0]["value"]}
                for o in organisations[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
            ]
            body = {"pageNumber": page, "pageSize": PAGE_SIZE, "pageCount": pages, "itemList": items}
            write_text(folder / f"organization-page-{page}.json", _compact(body))
        write_text(folder / "organizations.jsonl", "".join(_compact(o) + "\n" for o in organisations))
        for o in organisations:
            if uuid.UUID(o["id"]).int % 1000 < OLD_SHAPE_SHARE * 1000 or o is organisations[0]:
                write_text(folder / "v9" / f"organization-{o['id']}.json", json.dumps(_v9(o), ensure_ascii=False, indent=2))

    def _chances(self, number: int, purpose: str) -> random.Random:
        return random.Random(f"{self.seed}-{number}-{purpose}")

    def _organisation(self, row: tuple[Any, ...], edition: int, edited_on: date) -> list[Json]:
        """A public body and its units, which share its business id and so carry none."""
        (number, business_id, kind, name, is_swedish, code, town_fi, town_sv, languages, street, building, postcode, office_fi,
         office_sv, domain, switchboard, fixed, boxes, title, person_email, forename, surname, mobile) = row  # fmt: skip
        draw = self._chances(number, "content")
        spoken = ["sv", "fi"] if is_swedish else ["fi"]
        if languages and "-" in languages and not is_swedish:
            spoken.append("sv")
        if draw.random() < 0.4:
            spoken.append("en")
        guid = self._guid(number, 0)
        town = _named(town_fi, town_sv) if town_fi else None
        place: Json = {"municipality": {"code": code, "name": town}} if town else {"municipality": None}
        office = [{"value": office_sv, "language": "sv"}, {"value": office_fi, "language": "fi"}]
        # The same switchboard stands there once for each language; after an edition it is another one.
        number_now = switchboard if edition % 2 == 0 else fixed
        phones = [_phone(number_now, language, SWITCHBOARD[language], draw) for language in spoken]
        if draw.random() < 0.15:
            phones.append(_phone(fixed, "fi", "Faksi", draw) | {"type": "Fax", "serviceChargeType": "Other"})
        if draw.random() < 0.08:
            phones.append(
                _phone("+358800" + switchboard[-5:], "fi", "Maksuton neuvonta", draw)
                | {"prefixNumber": None, "number": "0800" + switchboard[-5:], "isFinnishServiceNumber": True,
                   "serviceChargeType": "FreeOfCharge"}
            )  # fmt: skip
        emails: list[Json] = []
        if draw.random() < 0.85:
            emails.append({"value": f"kirjaamo@{domain}", "language": spoken[0], "description": "Virallinen sähköpostiosoite."})
            # A pattern, not an address.
            if draw.random() < 0.35:
                emails.append({"value": f"etunimi.sukunimi@{domain}", "language": "fi", "description": "Henkilökunta."})
            if is_swedish and draw.random() < 0.5:
                emails.append({"value": f"fornamn.efternamn@{domain}", "language": "sv", "description": "Personalen."})
            if draw.random() < 0.3:
                emails.append({"value": f"palaute@{domain}", "language": "fi", "description": "Palaute."})
            if person_email and draw.random() < 0.25:
                emails.append({"value": person_email, "language": "fi", "description": f"{title}: {forename} {surname}"})
                phones.append(_phone(mobile, "fi", f"{title} {forename} {surname}", draw))
        names = [{"language": language, "value": name, "type": "Name"} for language in spoken if language != "en"]
        if draw.random() < 0.15:
            short = "".join(letter for letter in name.upper() if letter.isalpha())[:3]
            names.append({"language": spoken[0], "value": short, "type": "AlternativeName"})
        addresses: list[Json] = []
        if street:
            addresses.append({
                "type": "Visiting", "subType": "Street", "country": "FI", "postOfficeBoxAddress": None,
                "streetAddress": {
                    "street": [{"value": street, "language": "sv" if is_swedish else "fi"}], "streetNumber": building,
                    "postalCode": postcode, "postOffice": office, **place,
                    "additionalInformation": [],
                    # EPSG:3067 as texts (SAW).
                    "latitude": str(6_650_000 + draw.randrange(1_000_000)), "longitude": str(200_000 + draw.randrange(450_000)),
                    "coordinateState": "Ok",
                },
                "foreignAddress": None, "otherAddress": None,
            })  # fmt: skip
        if boxes and draw.random() < 0.8:
            addresses.append({
                "type": "Postal", "subType": "PostOfficeBox", "country": "FI", "streetAddress": None,
                "postOfficeBoxAddress": {
                    "postOfficeBox": [{"value": f"PL {1 + draw.randrange(400)}", "language": "fi"}],
                    "postalCode": boxes[draw.randrange(len(boxes))], "postOffice": office, **place,
                    "additionalInformation": [{"value": None, "language": "fi"}],
                },
                "foreignAddress": None, "otherAddress": None,
            })  # fmt: skip
        root: Json = {
            "id": guid,
            "oid": f"1.2.246.10.{business_id.replace('-', '')}.10.0" if draw.random() < 0.6 else None,
            "sourceId": None,
            "organizationType": TYPES[kind],
            "businessCode": business_id,
            # Not to be used (SOURCES.md 4): often stale.
            "businessName": name if draw.random() < 0.5 else f"{town_fi} vanha nimi",
            "parentOrganizationId": None,
            "organizationRootId": guid,
            "municipality": {"code": code, "name": town} if kind == "municipality" and town else None,
            "areaType": None if kind == "municipality" else "WholeCountry" if kind == "state" else "LimitedType",
            "areas": [],
            "organizationNames": names,
            "displayNameType": [{"type": "Name", "language": language} for language in spoken],
            "organizationDescriptions": [{"language": "fi", "value": "Keksitty organisaatio.", "type": "Description"}],
            "emails": emails,
            "phoneNumbers": phones,
            "webPages": [{"url": f"https://www.{domain}/", "value": name, "language": spoken[0]}],
            "addresses": addresses,
            "electronicInvoicings": [],
            "publishingStatus": "Published",
            "subOrganizations": [],
            "modified": f"{edited_on.isoformat()}T{draw.randrange(24):02d}:{draw.randrange(60):02d}:00Z",
            "availableLanguages": spoken,
        }
        units = draw.sample(UNITS, draw.choice([0, 0, 1, 2, 3, 4]))
        children = []
        for position, (unit_fi, unit_sv) in enumerate(units, start=1):
            unit_name = unit_sv if is_swedish else unit_fi
            unit_emails = []
            if draw.random() < 0.5:
                address = f"{unit_name.split()[0].lower().replace('ä', 'a').replace('å', 'a')}@{domain}"
                unit_emails.append({"value": address, "language": spoken[0], "description": None})
            children.append(root | {
                "id": self._guid(number, position), "oid": None, "businessCode": None, "businessName": None,
                "parentOrganizationId": guid, "organizationType": "Organization", "municipality": None,
                "organizationNames": [{"language": spoken[0], "value": unit_name, "type": "Name"}],
                "organizationDescriptions": [],
                "emails": unit_emails,
                # Most units answer behind the switchboard of the whole.
                "phoneNumbers": phones[: len(spoken)] if draw.random() < 0.6 else [],
                "webPages": [], "addresses": addresses[:1] if draw.random() < 0.5 else [],
            })  # fmt: skip
        root["subOrganizations"] = [{"id": c["id"], "name": c["organizationNames"][0]["value"]} for c in children]
        return [root, *children]

    def _guid(self, number: int, unit: int) -> str:
        return str(uuid.UUID(int=self._chances(number, f"guid {unit}").getrandbits(128), version=4))


def _phone(e164: str, language: str, text: str, draw: random.Random) -> Json:
    """A number in PTV's parts: the prefix apart, the rest without its leading zero (SAW), seldom with one or with blanks."""
    national = e164.removeprefix("+358")
    if draw.random() < 0.05:
        national = f"{national[:2]} {national[2:5]} {national[5:]}"
    elif draw.random() < 0.03:
        national = "0" + national
    return {
        "type": "Phone", "prefixNumber": "+358", "number": national, "isFinnishServiceNumber": False,
        "serviceChargeType": "Chargeable", "chargeDescription": None, "additionalInformation": text, "language": language,
    }  # fmt: skip


def _named(name_fi: str, name_sv: str) -> list[Json]:
    return [
        {"value": name_fi, "language": "fi"},
        {"value": name_sv or name_fi, "language": "sv"},
        {"value": name_fi, "language": "en"},
    ]


def _v9(organisation: Json) -> Json:
    """The older shape (SAW, 2017): no type of phone, no languages, areas null, filler in otherAddress, services."""
    old = {key: value for key, value in organisation.items() if key != "availableLanguages"}
    phones = [{key: value for key, value in phone.items() if key != "type"} for phone in organisation["phoneNumbers"]]
    filler = {
        "latitude": "61.6887", "longitude": "27.2721", "postalCode": "12345",
        "postOffice": [{"value": "value", "language": "en"}], "additionalInformation": [{"value": "value", "language": "en"}],
    }  # fmt: skip
    return old | {
        "oid": organisation["oid"] or "",
        "areaType": None,
        "areas": None,
        "phoneNumbers": phones,
        "addresses": [address | {"otherAddress": filler} for address in organisation["addresses"]],
        "services": [],
        "subOrganizations": None,
        "responsibleOrganizationId": None,
    }


def _compact(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
