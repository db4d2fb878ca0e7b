"""Finnish addresses: parts of a line, the line again from its parts, a key to compare by, and post towns in two languages.

`Katu 10 B 21` is street, house number, entrance, flat; `PL 12` (sv `PB 12`) a post office box. Registers spell house numbers
13a, 16-18 and "1-3 B". A "c/o" and whom it names never reach a part.
"""

import csv
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from base.normalise.characters import clean, plain_dashes
from base.normalise.name import name_fold

SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds"
MAX_LENGTH = 300

# "c/o", "℅", "co/": somebody is named from here to the end of the line or the next comma that a house number follows.
_CARE_OF = re.compile(r"(?:^|[\s,;(])(?:c\s?[/\\]\s?o\b|℅)[^,\n]*", re.IGNORECASE)
_POSTCODE = re.compile(r"(?:^|[\s,])(?:FI|AX|FIN)?[- ]?([0-9]{5})\s+([^\W\d][^0-9,]*)$", re.IGNORECASE)
_BOX = re.compile(r"\b(PL|P\.\s?L\.|PB|P\.\s?B\.|P\.?\s?O\.?\s?Box|Postilokero|Postbox)\s*([0-9]{1,5})\b", re.IGNORECASE)
_STREET = re.compile(
    r"""(?P<before>.*,\s*)?(?P<street>[^,]*?[^\W\d_][^,]*?)
        \s+(?P<number>[0-9]{1,4}[a-zåäö]?(?:\s?[-/]\s?[0-9]{1,4}[a-zåäö]?)?)(?!\w)
        (?:[\s,]+(?:(?:rappu|porras|trappa|tr)\.?\s*)?(?P<entrance>[A-ZÅÄÖ])(?=[\s,.0-9]|$)\.?)?
        (?:[\s,]*(?:as|asunto|bost|bostad|lgh|huoneisto|apt)?\.?\s*(?P<flat>[0-9]{1,4}\s?[a-zåäö]?))?
        (?P<rest>(?:[\s,].*)?)""",
    re.VERBOSE | re.IGNORECASE,
)
# Ends of street names as registers shorten them.
_SHORTENED = ((r"k\.(?=\s|$)", "katu"), (r"t\.(?=\s|$)", "tie"), (r"g\.(?=\s|$)", "gatan"), (r"v\.(?=\s|$)", "vägen"))


@dataclass(frozen=True)
class Address:
    """The parts of an address; None where it has none.

    `has_care_of`: a "c/o" part stood there and was left out. `rest` is what stood around the parts and is none of them
    (a floor, a building's or a person's name): for somebody to look at, never for a mart. A line without a house number is
    a street as a whole: where a source puts persons into such lines, its loader has to know.
    """

    street: str | None = None
    number: str | None = None
    entrance: str | None = None
    flat: str | None = None
    box: str | None = None
    postcode: str | None = None
    town: str | None = None
    rest: str | None = None
    has_care_of: bool = False


def address(text: str | None) -> Address:
    """Take an address apart: one line or several, with or without postcode and town. A text without sense has no parts."""
    line = plain_dashes(clean(re.sub(r"[\r\n]+", ", ", text or "")))[:MAX_LENGTH]
    without = _CARE_OF.sub("", line).strip(" ,;")
    found = Address(has_care_of=without != line.strip(" ,;"))
    if place := _POSTCODE.search(without):
        found = replace(found, postcode=place[1], town=place[2].strip(" .").upper())
        without = without[: place.start()].strip(" ,;")
    if box := _BOX.search(without):
        found = replace(found, box=str(int(box[2])))
        without = re.sub(r"\(\s*\)", "", without[: box.start()] + without[box.end() :]).strip(" ,;()")
    if not without:
        return found
    if (parts := _STREET.fullmatch(without)) is None:
        return replace(found, street=without)
    return replace(
        found,
        street=parts["street"],
        number=re.sub(r"\s", "", parts["number"]).lower(),
        entrance=parts["entrance"] and parts["entrance"].upper(),
        flat=parts["flat"] and re.sub(r"\s", "", parts["flat"]).lower(),
        rest=", ".join(filter(None, ((parts[side] or "").strip(" ,.") for side in ("before", "rest")))) or None,
    )


def street_line(parts: Address, language: str = "fi") -> str | None:
    """The line on the envelope: `Katu 10 B 21`, or `PL 12` (Swedish `PB 12`) when there is a box; None without either."""
    if parts.box:
        return f"{'PB' if language == 'sv' else 'PL'} {parts.box}"
    # A flat number behind a house number alone would read as part of it.
    flat = parts.flat if parts.entrance or not parts.flat else f"{'lgh' if language == 'sv' else 'as.'} {parts.flat}"
    return " ".join(part for part in (parts.street, parts.number, parts.entrance, flat) if part) or None


def postal_lines(parts: Address, language: str = "fi") -> list[str]:
    """Street line and town line as on an envelope; a line without content is left out."""
    return [line for line in (street_line(parts, language), " ".join(filter(None, [parts.postcode, parts.town]))) if line]


def address_key(given: str | Address | None) -> str | None:
    """The key equal addresses share: `mannerheimintie 13 a 5` of `MANNERHEIMINTIE 13a as. 5`; `box 12` of `PB 12`.

    Of the line only: compare it beside the postcode. Street names in two languages keep two keys.
    """
    parts = given if isinstance(given, Address) else address(given)
    if parts.box:
        return f"box {parts.box}"
    if not parts.street:
        return None
    street = parts.street.lower()
    for shortened, full in _SHORTENED:
        street = re.sub(rf"(?<=\w){shortened}", full, street)
    # Words keep their order here, unlike a name's.
    words = [name_fold(word) for word in re.split(r"[\s-]+", street)]
    number = re.sub(r"([0-9])([a-zåäö])", r"\1 \2", parts.number or "")
    return " ".join([*filter(None, words), *filter(None, [number, (parts.entrance or "").lower(), parts.flat])]) or None


def town_key(text: str | None) -> str | None:
    """The Finnish post town, in upper case, of a town in either language: HELSINKI of `Helsingfors 10`.

    A town that Posti does not have comes back in upper case as it is. None for an empty text.
    """
    name = re.sub(r"[ ,.][ ,.0-9]*$", "", clean(clean(text or "").upper()).lstrip(" ,."))
    return town_keys().get(name_fold(name) or "", name) or None


@cache
def town_keys() -> dict[str, str]:
    """Folded post town in either language -> its Finnish name, from Posti's postal codes and the municipalities."""
    pairs: dict[tuple[str, str], None] = {}
    for seed in ("postal_codes", "municipalities"):
        with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
            pairs |= dict.fromkeys((row["name_fi"].upper(), row["name_sv"]) for row in csv.DictReader(file))
    keys: dict[str, str] = {}
    # The Swedish name of a bilingual town first: some rows call Luoto by Larsmo in both languages.
    ranked = sorted(pairs)
    for name, finnish in [(sv, fi) for fi, sv in ranked if fi != sv] + [(fi, fi) for fi, _ in ranked]:
        if folded := name_fold(name):
            keys.setdefault(folded, finnish)
    return keys
