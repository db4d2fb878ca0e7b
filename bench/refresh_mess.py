"""What a customer's register looks like after ten years of sales people: rows of a made-up world, with the truth of each."""

import csv
from pathlib import Path
from typing import Any

from base.files import atomic_file
from bench.refresh_world import PLAIN, SHORT, World

LETTERS = "abcdefghijklmnopqrstuvwxyzäö"
FORMS = ("Oy", "Ab", "Ky", "Ay", "ry", "Osk", "Oyj", "Tmi", "T:mi", "Asunto Oy", "As Oy")
COLUMNS = {
    "puhelin": "Puh.", "name": "Asiakas", "website": "Kotisivu", "postcode": "Postinro", "business_id": "Y-tunnus/VAT",
    "note": "Huom", "street": "Katuosoite", "town": "Ptp", "email": "Sähköposti", "person": "Yhteyshlö",
}  # fmt: skip


def typed(text: str, dice: Any) -> str:
    """The text with one slip: a letter lost, doubled, swapped with its neighbour or hit wrong."""
    if len(text) < 4:
        return text
    at, slip = int(dice.integers(1, len(text) - 1)), int(dice.integers(0, 4))
    if slip == 0:
        return text[:at] + text[at + 1 :]
    if slip == 1:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    letter = LETTERS[int(dice.integers(0, len(LETTERS)))]
    return text[:at] + letter + text[at + (slip == 2) :]


def business_id(text: str, dice: Any) -> str:
    """The id as people write it; one in thirty with a wrong digit."""
    u = dice.random()
    if u < 0.033:
        at = int(dice.integers(0, 7))
        return text[:at] + str((int(text[at]) + int(dice.integers(1, 9))) % 10) + text[at + 1 :]
    if u < 0.2:
        return "FI" + text.replace("-", "")
    if u < 0.3:
        return text.replace("-", "").lstrip("0")
    return f" {text}" if u < 0.33 else text


def phone(e164: str, dice: Any) -> str:
    """The number in one of the spellings of Finnish registers."""
    rest, u = e164[4:], dice.random()
    area = 2 if rest[0] in "4512" and not rest.startswith("2") else 1
    if u < 0.3:
        return f"0{rest[:area]} {rest[area : area + 3]} {rest[area + 3 :]}"
    if u < 0.5:
        return f"0{rest[:area]}-{rest[area:]}"
    if u < 0.65:
        return f"+358 {rest[:area]} {rest[area:]}"
    if u < 0.75:
        return f"00358{rest}"
    if u < 0.85:
        return f"+358 (0){rest[:area]} {rest[area:]}"
    return rest if u < 0.9 else f"0{rest}"


def name(text: str, dice: Any) -> str:
    """The name as somebody typed it from memory."""
    if dice.random() < 0.14:
        for full, short in SHORT:
            if full in text and dice.random() < 0.7:
                text = text.replace(full, short)
                break
    u = dice.random()
    if u < 0.32:
        kept = [word for word in text.split() if word not in FORMS]
        text = " ".join(kept) or text
    elif u < 0.36:
        text = " ".join("Oy" if word in ("Ab", "Ky") else "Ky" if word == "Oy" else word for word in text.split())
    elif u < 0.42 and text.split()[-1] in FORMS:
        text = " ".join([text.split()[-1], *text.split()[:-1]])
    if dice.random() < 0.04 and len(text.split()) > 2:
        parts = text.split()
        parts.pop(int(dice.integers(0, len(parts))))
        text = " ".join(parts)
    if dice.random() < 0.2:
        text = typed(text, dice)
        text = typed(text, dice) if dice.random() < 0.25 else text
    if dice.random() < 0.1:
        text = text.translate(PLAIN) if dice.random() < 0.7 else text.replace("ä", "ae").replace("ö", "oe")
    if dice.random() < 0.04:
        text += (" / laskutus", ", konttori", " (uusi)", " /osto")[int(dice.integers(0, 4))]
    u = dice.random()
    return text.upper() if u < 0.2 else text.lower() if u < 0.25 else text


def street(text: str, dice: Any) -> str:
    """The street line as somebody typed it."""
    u = dice.random()
    if u < 0.1:
        for full, short in (("katu ", "k. "), ("tie ", "t. "), ("gatan ", "g. "), ("vägen ", "v. ")):
            text = text.replace(full, short)
    elif u < 0.2:
        text = " ".join(text.split()[:2])  # without the flat
    if dice.random() < 0.06:
        text = typed(text, dice)
    return text.upper() if dice.random() < 0.15 else text


def messy(world: World, register: dict[str, list[Any]]) -> tuple[list[dict[str, str]], list[str]]:
    """The customer's rows, and of each the business id it is about ('' when it is in no register)."""
    dice, n = world.dice, world.rows
    chosen = dice.integers(0, world.organisations, n).tolist()
    invented = world.names(n, world.pick(world.towns, n))
    places, numbers = world.places(n), world.phones(n)
    people = world.pick(world.firsts, n), world.pick(world.surnames, n, world.surname_odds)
    rows: list[dict[str, str]] = []
    truth: list[str] = []
    for i in range(n):
        if i > 100 and dice.random() < 0.05 and truth[i - 50]:
            chosen[i] = chosen[i - 50]  # the same customer, entered again
        at = chosen[i]
        has = lambda p: dice.random() < p  # noqa: E731
        person = f"{people[0][i]} {people[1][i]}"
        if has(0.1):
            # Not in the register: an invented one, or the namesake of one that is, elsewhere.
            named = register["name"][at] if has(0.15) else invented[i][0]
            told = {
                "name": name(named, dice), "street": street(places[i][0], dice) if has(0.85) else "",
                "postcode": places[i][1] if has(0.9) else "", "town": places[i][2],
                "puhelin": phone(numbers[i], dice) if has(0.5) else "", "business_id": "", "email": "", "website": "",
            }  # fmt: skip
            if has(0.25):
                owner = world.pick(["gmail.com", f"oma{i}.fi"], 1)[0]
                told["email"] = f"{people[0][i]}.{people[1][i]}@{owner}".lower().translate(PLAIN)
            truth.append("")
        else:
            told = known(register, at, world, places[i], numbers[i], person)
            truth.append(register["business_id"][at])
        told["person"] = person if has(0.5) else ""
        told["note"] = ("", "", "", "vanha asiakas", "soita ma")[int(dice.integers(0, 5))]
        rows.append(told)
    return rows, truth


def known(
    register: dict[str, list[Any]], at: int, world: World, elsewhere: tuple[str, str, str], number: str, person: str
) -> dict[str, str]:
    """One row about organisation number `at`."""
    dice = world.dice

    def has(p: float) -> bool:
        return bool(dice.random() < p)

    called = register["name"][at]
    if register["old_name"][at] and has(0.35):
        called = register["old_name"][at]
    elif register["trade_names"][at] and has(0.3):
        called = register["trade_names"][at][0]
    place = tuple(register[part][at] for part in ("street", "postcode", "town"))
    if register["old_place"][at] and has(0.5):
        place = register["old_place"][at]
    elif has(0.05):
        place = elsewhere if has(0.5) else (elsewhere[0], place[1], place[2])  # a move, or another office, that nobody told
    town = place[2]
    if has(0.12):
        town = world.swedish.get(town, town)
    town = town.title() if has(0.5) else town
    e164 = register["phone"][at]
    mail, domain = register["email"][at], register["domain"][at]
    if mail and has(0.75):
        if not mail.startswith("info@") or has(0.5):
            email = mail
        else:
            email = f"{person.lower().translate(PLAIN).replace(' ', '.')}@{domain}"
    elif has(0.1):
        email = f"{person.lower().translate(PLAIN).replace(' ', '.')}@gmail.com"
    else:
        email = ""
    wrong = world.pick(register["business_id"], 1)[0] if has(0.003) else None
    return {
        "name": name(called, dice), "street": street(place[0], dice) if has(0.82) else "",
        "postcode": place[1] if has(0.85) else "",
        "town": town if has(0.93) else "",
        "business_id": wrong or (business_id(register["business_id"][at], dice) if has(0.4) else ""),
        "puhelin": phone(e164, dice) if e164 and has(0.65) else phone(number, dice) if has(0.25) else "",
        "email": email.upper() if has(0.05) else email,
        "website": f"https://{register['website'][at]}/" if register["website"][at] and has(0.5) else "",
    }  # fmt: skip


def write(rows: list[dict[str, str]], truth: list[str], path: Path, truth_path: Path) -> None:
    """The register as a CSV file of semicolons, and beside it the truth, row by row."""
    with atomic_file(path) as temporary, temporary.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(COLUMNS.values())
        writer.writerows([row[column] for column in COLUMNS] for row in rows)
    with atomic_file(truth_path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["row", "business_id"], *enumerate(truth)])
