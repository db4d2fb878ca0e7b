"""What the page says, in three languages (texts.csv). A key with a dot is one of a family that stands for codes."""

import csv
from functools import cache
from pathlib import Path

from delivery.columns import LANGUAGES, Language


@cache
def every() -> dict[str, dict[str, str]]:
    """key -> language -> words."""
    with Path(__file__).with_name("texts.csv").open(encoding="utf-8", newline="") as file:
        return {row["key"]: {language: row[language] for language in LANGUAGES} for row in csv.DictReader(file)}


class Words:
    """The texts in one language. Raises KeyError for a key that is none: a page with holes is not shown."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, key: str, **given: object) -> str:
        """The words of a key, with what is given put in."""
        said = every()[key][self.language]
        return said.format(**given) if given else said

    def of(self, family: str, code: object) -> str:
        """The words of a code; the code itself when the family does not know it."""
        return every().get(f"{family}.{code}", {}).get(self.language, str(code))
