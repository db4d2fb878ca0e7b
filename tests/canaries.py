"""People who are made up once more, to be erased: planted in every kind of source, with a surname that nobody else bears."""

import json
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from string import ascii_lowercase

import xlsxwriter

DAY = date(2026, 1, 2)
FIRST_NAMES = ("Aino", "Mäkki", "Olavi", "Sæla", "Tuomas")
SOURCES = (
    "officers",
    "survey",
    "workbook",
    "objection",
    "refused",
    "bounce",
    "email_ban",
    "phone_ban",
    "extract",
    "association",
    "ptv",
)
"""Where canaries are planted; each canary in officers or a survey, so that there is a person, and in some of the others."""


@dataclass(frozen=True)
class Canary:
    """One of them."""

    number: int
    business_id: str

    @property
    def first_name(self) -> str:
        return FIRST_NAMES[self.number % len(FIRST_NAMES)]

    @property
    def last_name(self) -> str:
        """Letters only: `Kanarixa`."""
        return f"Kanari{ascii_lowercase[self.number // 26]}{ascii_lowercase[self.number % 26]}nen"

    @property
    def email(self) -> str:
        return f"k{self.number}.{self.last_name.lower()}@oma-{self.number}.example"

    @property
    def phone(self) -> str:
        return f"040 777 {4000 + self.number}"

    @property
    def e164(self) -> str:
        return f"+35840777{4000 + self.number}"

    @property
    def register_id(self) -> str | None:
        return f"H77700{self.number:06d}" if self.number % 3 else None

    @property
    def birth_date(self) -> str:
        return f"19{50 + self.number % 40}-03-{1 + self.number % 28:02d}"

    @property
    def is_trader(self) -> bool:
        """Every tenth is a sole trader: the firm is the person, and its record bears the name."""
        return self.number % 10 == 8

    @property
    def street(self) -> str:
        """Where a trader lives and works; nobody else does."""
        return f"Kanarikuja {4000 + self.number}"

    def told(self) -> list[str]:
        """What must be nowhere afterwards, as texts."""
        return [
            self.last_name,
            self.email,
            self.e164,
            self.phone.replace(" ", ""),
            *([self.register_id] if self.register_id else []),
            *([self.street] if self.is_trader else []),
        ]

    def is_in(self, source: str) -> bool:
        """Whether this one is planted there. Every fifth is in no survey, so in no file with an address."""
        surveyed = self.number % 5 != 0
        place = SOURCES.index(source)
        if source == "officers":
            return self.number % 2 == 0 or not surveyed or self.is_trader
        if source == "survey":
            return surveyed
        return surveyed and self.number % 7 == place % 7


def plant(folder: Path, count: int = 50) -> list[Canary]:
    """Write canaries into the files of a made-up Finland of one day (ingest.synthetic); returns them."""
    officers = folder / "prh_officers" / DAY.isoformat() / "officers.csv"
    lines = officers.read_text(encoding="utf-8").splitlines()
    known = list(dict.fromkeys(line.split(";")[0] for line in lines[1:]))
    firms = iter([line.split(";")[0] for line in lines[1:] if ";ELI;ELI;" in line])
    canaries = [Canary(number, known[number % len(known)]) for number in range(count)]
    canaries = [replace(c, business_id=next(firms)) if c.is_trader else c for c in canaries]
    # Each firm of one trader: who made it up goes.
    taken = tuple(f"{c.business_id};ELI;" for c in canaries if c.is_trader)
    officers.write_text("".join(f"{line}\n" for line in lines if not line.startswith(taken)), encoding="utf-8")
    places = [
        (c.business_id, *(("ELI", "ELI") if c.is_trader else ("HAL", "J")), c.last_name,
         f"{c.first_name} Juhani", c.birth_date, "FI", "FI",
         f"2020-01-{1 + c.number % 28:02d}", "", c.register_id or "")
        for c in canaries if c.is_in("officers")
    ]  # fmt: skip
    _append(officers, [";".join(place) for place in places])
    survey = folder / "survey" / DAY.isoformat()
    cati = next(survey.glob("cati_*.csv"))
    header = cati.read_text(encoding="utf-8-sig").splitlines()[0].split(";")
    _append(cati, [";".join(_row(c).get(column, "") for column in header) for c in canaries if c.is_in("survey")])
    _append(cati, [
        ";".join((_row(c) | {"vastuualue": "ei mikään", "case_id": f"R-{c.number}"}).get(column, "") for column in header)
        for c in canaries if c.is_in("refused")
    ])  # fmt: skip
    _append(cati, [
        ";".join((_row(c) | {"kielto": "x", "case_id": f"O-{c.number}"}).get(column, "") for column in header)
        for c in canaries if c.is_in("objection")
    ])  # fmt: skip
    book = xlsxwriter.Workbook(str(survey / "kanarit.xlsx"))
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, header)
    for row, canary in enumerate([c for c in canaries if c.is_in("workbook")], start=1):
        sheet.write_row(row, 0, [(_row(canary) | {"case_id": f"X-{canary.number}"}).get(column, "") for column in header])
    book.close()
    _append(folder / "bounces" / f"{DAY}.csv", [f"A-1001;K-1;{c.email};soft;2025-12-01" for c in canaries if c.is_in("bounce")])
    lists = folder / "external_lists" / DAY.isoformat()
    _append(next(lists.glob("email_ban*")), [f"{c.email};{DAY}" for c in canaries if c.is_in("email_ban")])
    _append(next(lists.glob("phone_ban*")), [f"{c.phone};{DAY}" for c in canaries if c.is_in("phone_ban")])
    _plant_contacts(folder, canaries)
    return canaries


def _row(canary: Canary) -> dict[str, str]:
    return {
        "case_id": f"K-{canary.number}", "aalto": "A2026", "y_tunnus": canary.business_id, "yritys": "Oy", "henkilosto": "50",
        "puhelin": canary.phone, "yhteyshenkilo_etunimi": canary.first_name, "yhteyshenkilo_sukunimi": canary.last_name,
        "titteli": "Talousjohtaja", "vastuualue": "2", "sahkoposti": canary.email, "kieli": "fi", "kutsu_pvm": "1.12.2025",
        "soittokerrat": "1", "viim_yhteys": "10.12.2025", "tulos": "CMP", "haastattelija": "H01", "suostumus": "k",
        "muistiinpano": f"puhui {canary.last_name}", "aikaleima": "10.12.2025 10:00", "vastaaja_itse": "k",
    }  # fmt: skip


def _plant_contacts(folder: Path, canaries: list[Canary]) -> None:
    """As a contact of an organisation, whose record must stay without it."""
    extract = folder / "ytj_extract" / DAY.isoformat() / "companies.jsonl"
    records = [json.loads(line) for line in extract.read_text(encoding="utf-8").splitlines()]
    firms = {c.business_id: c for c in canaries if c.is_trader}
    for record in records:
        if trader := firms.pop(record["Company"]["BusinessId"], None):
            record["Company"]["TradeName"]["Name"] = f"Tmi {trader.first_name} {trader.last_name}"
            # Where the trader lives (L-26: the address of the firm is the home's).
            record["Company"]["StreetAddress"] = {"DomesticAddress": {"Street": trader.street, "PostalCode": "00100"}}
    assert not firms, "every trader is in the register's answers"
    wanted = [c for c in canaries if c.is_in("extract")]
    for record, canary in zip(records, wanted, strict=False):
        told = record["Company"].setdefault("ContactDetails", None) or {"ContactDetail": []}
        details = told["ContactDetail"] if isinstance(told.get("ContactDetail"), list) else []
        told["ContactDetail"] = [*details, {"Value": canary.email, "Validity": "1", "Type": {"PrimaryCode": "3"}}]
        record["Company"]["ContactDetails"] = told
    extract.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
    associations = next((folder / "associations" / DAY.isoformat()).glob("*.json"))
    bodies = json.loads(associations.read_text(encoding="utf-8"))
    for body, canary in zip(bodies, [c for c in canaries if c.is_in("association")], strict=False):
        body["ContactInfo"] = {"Email": canary.email, "Phone": canary.phone}
    associations.write_text(json.dumps(bodies, ensure_ascii=False), encoding="utf-8")
    catalogue = folder / "ptv" / DAY.isoformat() / "organizations.jsonl"
    units = [json.loads(line) for line in catalogue.read_text(encoding="utf-8").splitlines()]
    for unit, canary in zip(units, [c for c in canaries if c.is_in("ptv")], strict=False):
        unit["emails"] = [{"value": canary.email, "language": "fi", "description": None}]
    catalogue.write_text("".join(json.dumps(u, ensure_ascii=False) + "\n" for u in units), encoding="utf-8")


def _append(path: Path, lines: list[str]) -> None:
    with path.open("a", encoding="utf-8", newline="") as file:
        file.writelines(f"{line}\n" for line in lines)
