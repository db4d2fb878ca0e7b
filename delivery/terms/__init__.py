"""What goes with every file: terms of use, the rules of marketing to businesses, the assessment it rests on; by version.

A version that has been accepted is never edited: a change is a new folder and a new number.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from base.refused import Refused
from delivery.columns import LANGUAGES, Language, values

HERE = Path(__file__).parent
CURRENT = "1"
"""The version of the terms, and of the rules in them, that a new order accepts."""
LIA = "1"
"""The version of the legitimate interest assessment in force."""


@dataclass(frozen=True)
class Terms:
    """A version of the terms of use. texts: language -> Markdown. sha256: of the three texts in the order of LANGUAGES."""

    version: str
    texts: dict[Language, str]
    sha256: str

    def lines(self, language: Language) -> tuple[str, ...]:
        """The text as plain lines, for a sheet."""
        return tuple(line.lstrip("# ") for line in self.texts[language].splitlines() if line.strip())


def terms(version: str = CURRENT) -> Terms:
    """A version of the terms. Raises Refused for one that never was."""
    if not version.isdigit() or not (HERE / version).is_dir():
        raise Refused(f"there is no version {version!r} of the terms of use")
    texts = {language: (HERE / version / f"{language}.md").read_text(encoding="utf-8") for language in LANGUAGES}
    return Terms(version, texts, hashlib.sha256("".join(texts.values()).encode()).hexdigest())


def assessment(version: str = LIA) -> tuple[str, str]:
    """The legitimate interest assessment: its text and sha256. Raises Refused for a version that never was."""
    path = HERE / f"lia-{version}.md"
    if not version.isdigit() or not path.is_file():
        raise Refused(f"there is no version {version!r} of the legitimate interest assessment")
    text = path.read_text(encoding="utf-8")
    return text, hashlib.sha256(text.encode()).hexdigest()


def rules(version: str = CURRENT) -> dict[str, dict[str, str]]:
    """The rules that an order confirms one by one: id -> language -> sentence. Raises Refused for a version that never was."""
    path = HERE / f"b2b_rules-{version}.yml"
    if not version.isdigit() or not path.is_file():
        raise Refused(f"there is no version {version!r} of the rules of marketing to businesses")
    listed = _yaml(path)["rules"]
    return {rule["id"]: {language: rule[language] for language in LANGUAGES} for rule in listed}


def address_source(sources: list[str], language: Language) -> str:
    """The line that a message has to have (DOMAIN L-07): `Osoitelähde: kaupparekisteri (PRH), haastattelu.`"""
    named = dict.fromkeys(values()["source"].get(source, {}).get(language, source) for source in sources)
    return str(_yaml(HERE / "notices.yml")["address_source"][language]).format(sources=", ".join(named))


def how_to_object(contact: str, language: Language) -> str:
    """How whoever gets the message can say no. contact: an address or page where an objection is taken."""
    return str(_yaml(HERE / "notices.yml")["how_to_object"][language]).format(contact=contact)


def _yaml(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded
