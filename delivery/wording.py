"""Conditions in words, for the column that says why a row is in a file: `vastuualue: TALOUS, YLEISJOHTO`."""

import json
from collections.abc import Callable
from typing import Any

from delivery import criteria
from delivery.columns import Language, values

_WORDS: dict[str, dict[Language, str]] = {
    "all": {"fi": " ja ", "sv": " och ", "en": " and "},
    "any": {"fi": " tai ", "sv": " eller ", "en": " or "},
    "not": {"fi": "ei", "sv": "inte", "en": "not"},
    "contains": {"fi": "sisältää", "sv": "innehåller", "en": "contains"},
}


def worded(condition: str, language: Language, called: Callable[[str, str], str] = lambda criterion, code: code) -> str:
    """A condition as delivery.tree.text writes it, for a person. called: what a code of a criterion is called."""
    return _said(json.loads(condition), language, called)


def _said(node: dict[str, Any], language: Language, called: Callable[[str, str], str]) -> str:
    if "not" in node:
        return f"{_WORDS['not'][language]} ({_said(node['not'], language, called)})"
    for branch in ("all", "any"):
        if branch in node:
            return f"({_WORDS[branch][language].join(_said(child, language, called) for child in node[branch])})"
    name = criteria.catalogue()[node["field"]].names[language]
    (operator,) = node.keys() - {"field"}
    value = node[operator]
    match operator:
        case "in":
            return f"{name}: {', '.join(called(node['field'], code) for code in value)}"
        case "is":
            return f"{name}: {values()['boolean'][str(value).lower()][language]}"
        case "between":
            return f"{name}: {value[0]}–{value[1]}"
        case "contains":
            return f"{name} {_WORDS['contains'][language]} {value}"
    return f"{name} {'≥' if operator == 'at_least' else '≤'} {value}"
