"""What stands beside the rows in an XLSX: the data dictionary, the terms, and the count."""

from delivery import columns
from delivery.columns import Language
from delivery.render.model import About, Gate, Profile

Sheet = tuple[tuple[int, ...], list[tuple[str | int, ...]]]
"""Widths of the columns, and lines; the first is the header."""

NAMES: dict[Language, tuple[str, str, str, str]] = {
    "fi": ("Kohderyhmä", "Selite", "Ehdot", "Laskenta"),
    "sv": ("Målgrupp", "Förklaring", "Villkor", "Beräkning"),
    "en": ("Target group", "Data dictionary", "Terms", "Waterfall"),
}
DICTIONARY: dict[Language, tuple[str, str, str, str]] = {
    "fi": ("sarake", "selite", "muoto", "koodi"),
    "sv": ("kolumn", "förklaring", "form", "kod"),
    "en": ("column", "meaning", "kind", "code"),
}
KINDS: dict[str, dict[Language, str]] = {
    "text": {"fi": "teksti", "sv": "text", "en": "text"},
    "list": {"fi": "luettelo, erottimena |", "sv": "lista, åtskild med |", "en": "list, separated by |"},
    "date": {"fi": "päivä VVVV-KK-PP", "sv": "dag ÅÅÅÅ-MM-DD", "en": "day YYYY-MM-DD"},
    "number": {"fi": "luku", "sv": "tal", "en": "number"},
    "boolean": {"fi": "kyllä/ei", "sv": "ja/nej", "en": "yes/no"},
}
NOTES: dict[Language, tuple[str, ...]] = {
    "fi": (
        "Heittomerkki solun alussa (') estää taulukkolaskentaa suorittamasta tekstiä kaavana. Merkki ei kuulu arvoon.",
        "Puhelinnumero muodossa +358... on jätetty ennalleen: siinä on vain numeroita.",
    ),
    "sv": (
        "En apostrof först i en cell (') hindrar programmet från att köra texten som en formel. Den hör inte till värdet.",
        "Ett telefonnummer i formen +358... är orört: det har bara siffror.",
    ),
    "en": (
        "An apostrophe first in a cell (') keeps the spreadsheet from running the text as a formula. It is no part of it.",
        "A telephone number like +358... is left as it is: it holds digits only.",
    ),
}
COUNT: dict[Language, tuple[str, str, str]] = {
    "fi": ("vaihe", "koko joukosta", "ehdot täyttävistä"),
    "sv": ("steg", "av hela gruppen", "av dem som uppfyller villkoren"),
    "en": ("step", "of the population", "of those who meet the criteria"),
}


def dictionary(about: About, profile: Profile) -> Sheet:
    """Each column with what it means and how it is written; then what coded values are called, and the conventions."""
    language = profile.header_language
    lines: list[tuple[str | int, ...]] = [DICTIONARY[language]]
    for column in about.columns:
        lines.append((column.headers[language], column.descriptions[language], KINDS[column.kind][language], column.code))
    for code, named in columns.values().items():
        column_of = columns.every().get(code)
        if column_of and column_of in about.columns:
            words = [(column_of.headers[language], word[profile.value_language], "", value) for value, word in named.items()]
            lines += [(), *words]
    lines += [(), *(("", note, "", "") for note in NOTES[language])]
    return (28, 80, 24, 28), lines


def terms(about: About) -> Sheet:
    """The terms, a line of text in each cell."""
    return (120,), [(line,) for line in about.terms] or [("",)]


def waterfall(about: About, profile: Profile) -> Sheet:
    """Each gate with how many fell there: of the whole population, and of those who meet the criteria."""
    matching = {gate.gate: gate.count for gate in about.matching}
    lines: list[tuple[str | int, ...]] = [COUNT[profile.header_language]]
    lines += [(gate.gate, gate.count, matching.get(gate.gate, "")) for gate in about.waterfall]
    lines += [(gate.gate, "", gate.count) for gate in about.matching if gate.gate not in _named(about.waterfall)]
    return (28, 18, 28), lines


def _named(gates: tuple[Gate, ...]) -> set[str]:
    return {gate.gate for gate in gates}
