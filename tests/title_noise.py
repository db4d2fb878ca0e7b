"""Titles as registers, surveys and CRM systems hold them: each kind of mess keeps what the title means.

Used by the tests of the classifier and by bench/titles.py --noise. A kind that does not fit a title returns None.
"""

import random
import unicodedata
from collections.abc import Callable, Iterator

Mess = Callable[[str, str, random.Random], str | None]
"""(title, language, random) -> the same title in a mess."""

COMPANIES = (
    "Esimerkki Oy",
    "Nordic Example Oyj",
    "Ab Exempel Oy",
    "Malliyhtiö Oy Ab",
    "Example Group Ltd",
    "Koivu & Kumppanit Oy",
)
DEGREES = ("KTM", "DI", "MBA", "eMBA, HHJ", "OTK", "PhD", "FM", "Ins.", "KTM, MBA", "HHJ", "M.Sc.", "ekon.mag.")
JUNK = (
    "(vara)",
    "- tarkista",
    "***",
    "puh. 040 123 4567",
    "matti.meikalainen@esimerkki.fi",
    "(uusi)",
    "1.1.2024 alk.",
    "#1",
    "!!",
)
ACTING = {
    "fi": ("vs. ", "vt. ", "ma. ", "Vs ", "va. "),
    "sv": ("tf. ", "T.f. "),
    "en": ("Acting ", "Interim ", "acting "),
}
PLACES = {
    "fi": ("Suomi", "Pohjoismaat", "Etelä-Suomi"),
    "sv": ("Finland", "Norden"),
    "en": ("Finland", "Nordics", "EMEA"),
}


def upper(title: str, language: str, rng: random.Random) -> str | None:
    """TOIMITUSJOHTAJA"""
    return title.upper()


def capitals(title: str, language: str, rng: random.Random) -> str | None:
    """Toimitusjohtaja, Sales Manager"""
    return title.title() if rng.random() < 0.5 else title.capitalize()


def messy_capitals(title: str, language: str, rng: random.Random) -> str | None:
    """tOIMitusJohtaja"""
    return "".join(c.upper() if rng.random() < 0.5 else c for c in title)


def spaces(title: str, language: str, rng: random.Random) -> str | None:
    """Blanks before, behind and doubled; a non-breaking one."""
    return f"  {title.replace(' ', rng.choice(['  ', chr(160), chr(9)]))}{rng.choice(['', ' ', chr(160)])} "


def decomposed(title: str, language: str, rng: random.Random) -> str | None:
    """Letters and marks apart (NFD), as some file systems and exports write them."""
    return unicodedata.normalize("NFD", title)


def no_marks(title: str, language: str, rng: random.Random) -> str | None:
    """paallikko"""
    bare = "".join(c for c in unicodedata.normalize("NFD", title) if not unicodedata.combining(c))
    return bare if bare != title else None


def mojibake(title: str, language: str, rng: random.Random) -> str | None:
    """pÃ¤Ã¤llikkÃ¶"""
    wrong = title.encode("utf-8").decode("latin-1")
    return wrong if wrong != title else None


def swapped(title: str, language: str, rng: random.Random) -> str | None:
    """Two neighbours swapped in a long word."""
    return _in_long_word(title, rng, lambda w, i: w[:i] + w[i + 1] + w[i] + w[i + 2 :])


def missing(title: str, language: str, rng: random.Random) -> str | None:
    """A letter too few in a long word."""
    return _in_long_word(title, rng, lambda w, i: w[:i] + w[i + 1 :])


def doubled(title: str, language: str, rng: random.Random) -> str | None:
    """A letter too many in a long word."""
    return _in_long_word(title, rng, lambda w, i: w[:i] + w[i] + w[i:])


def wrong(title: str, language: str, rng: random.Random) -> str | None:
    """Another letter in a long word."""
    return _in_long_word(title, rng, lambda w, i: w[:i] + rng.choice("aeinrst") + w[i + 1 :])


def junk(title: str, language: str, rng: random.Random) -> str | None:
    """Notes, telephones and addresses of a CRM."""
    return f"{title} {rng.choice(JUNK)}"


def company(title: str, language: str, rng: random.Random) -> str | None:
    """The firm behind or before the title."""
    form = rng.choice(("{title}, {firm}", "{title} / {firm}", "{title} - {firm}", "{title} ({firm})", "{firm}: {title}"))
    return form.format(title=title, firm=rng.choice(COMPANIES))


def degree(title: str, language: str, rng: random.Random) -> str | None:
    """Toimitusjohtaja, KTM"""
    return rng.choice(("{t}, {d}", "{d}, {t}", "{t} ({d})", "{t} {d}")).format(t=title, d=rng.choice(DEGREES))


def acting(title: str, language: str, rng: random.Random) -> str | None:
    """vs. talousjohtaja"""
    return f"{rng.choice(ACTING[language])}{title}"


def place(title: str, language: str, rng: random.Random) -> str | None:
    """Sales Director, Nordics"""
    return rng.choice(("{t}, {p}", "{t} ({p})", "{t} - {p}")).format(t=title, p=rng.choice(PLACES[language]))


def turned(title: str, language: str, rng: random.Random) -> str | None:
    """Director, Sales"""
    *stem, head = title.split()
    if language != "en" or head not in ("director", "manager") or not stem or stem[0] in ("managing", "general", "executive"):
        return None
    return f"{head.title()}{rng.choice([', ', ' - ', ' – ', ' of '])}{' '.join(stem).title()}"


def torn(title: str, language: str, rng: random.Random) -> str | None:
    """myynti johtaja, försäljnings chef; a hyphen where none belongs."""
    for head in ("johtaja", "päällikkö", "direktör", "chef"):
        if language != "en" and title.endswith(head) and len(title) > len(head) + 3 and title[-len(head) - 1] not in " -":
            return f"{title[: -len(head)]}{rng.choice([' ', '-'])}{head}"
    return None


def bilingual(title: str, language: str, rng: random.Random) -> str | None:
    """Toimitusjohtaja / VD"""
    pairs = {
        "toimitusjohtaja": "VD",
        "ceo": "toimitusjohtaja",
        "hr manager": "henkilöstöpäällikkö",
        "myyntijohtaja": "Sales Director",
        "talousjohtaja": "CFO",
        "ekonomidirektör": "CFO",
        "it manager": "IT-päällikkö",
        "marknadschef": "Marketing Manager",
        "inköpschef": "Ostopäällikkö",
        "sales director": "myyntijohtaja",
        "managing director": "toimitusjohtaja",
        "verkställande direktör": "toimitusjohtaja",
        "henkilöstöjohtaja": "HR Director",
    }
    other = pairs.get(title)
    return f"{title.title()} {rng.choice(['/', ',', '|', '-'])} {other}" if other else None


KINDS: tuple[Mess, ...] = (
    upper, capitals, messy_capitals, spaces, decomposed, no_marks, mojibake, swapped, missing, doubled, wrong,
    junk, company, degree, acting, place, turned, torn, bilingual,
)  # fmt: skip


def variants(title: str, language: str, seed: int = 1) -> Iterator[tuple[str, str]]:
    """(kind, title in that mess), one of each kind that fits; the same seed makes the same."""
    for kind in KINDS:
        changed = kind(title, language, random.Random(f"{seed}|{kind.__name__}|{language}|{title}"))
        if changed is not None:
            yield kind.__name__, changed


def _in_long_word(title: str, rng: random.Random, change: Callable[[str, int], str]) -> str | None:
    words = title.split(" ")
    long = [i for i, word in enumerate(words) if len(word) >= 9]
    if not long:
        return None
    at = rng.choice(long)
    words[at] = change(words[at], rng.randrange(1, len(words[at]) - 2))
    return " ".join(words)
