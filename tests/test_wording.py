"""Why a row is in a file, in words that its reader understands."""

import pytest

from delivery import group
from delivery.criteria import catalogue
from delivery.tree import leaves, text
from delivery.wording import worded

TREE = {
    "all": [
        {"field": "area", "in": ["TALOUS", "IT"]},
        {"not": {"any": [{"field": "region", "in": ["01"]}, {"field": "employer", "is": True}]}},
        {"field": "p_current", "at_least": 0.8},
        {"field": "age_years", "between": [1, 5]},
        {"field": "title", "contains": "päällikkö"},
    ]
}


WORDS = {
    "fi": ("ei (", " tai ", "kyllä", "sisältää"),
    "sv": ("inte (", " eller ", "innehåller"),
    "en": ("not (", " or ", "yes"),
}


@pytest.mark.parametrize(("language", "words"), WORDS.items())
def test_every_kind_of_condition_has_words(language: str, words: tuple[str, ...]) -> None:
    tree = group.parse({"version": 1, "name": "x", "channels": ["email"], "criteria": TREE}).criteria
    assert tree is not None
    said = worded(text(tree), language)  # type: ignore[arg-type]
    assert all(word in said for word in words) and "≥ 0.8" in said and "1–5" in said and "{" not in said
    for leaf in leaves(tree):
        assert catalogue()[leaf.field].names[language] in said
