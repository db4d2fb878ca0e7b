"""What the service asks of the house: given to it by who starts it (orchestration/serving.py), since delivery imports no more.

Every function raises Refused or LedgerRefused in one line that says nothing of a person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from delivery.columns import Language
from ledger.objections import Saying


@dataclass(frozen=True)
class Sought:
    """What somebody tells of a person, in any spelling; a name needs an organisation or a date of birth beside it."""

    email: str | None = None
    phone: str | None = None
    name: str | None = None
    business_id: str | None = None
    birth_date: date | None = None
    person_id: str | None = None


@dataclass(frozen=True)
class Office:
    """republish: proves the gates anew and publishes. object: takes an objection, tells whom it found and who has their data.

    find: id of the one person meant. report: the access report (L-15) of an id; page: the same as HTML. correct: id, field,
    value, organisation, by whom, why. restrict, erase: id, evidence, by whom. reviews: look-alikes of objectors that wait;
    decide: objection, person, verdict, by whom, why. notices: who is to be told. health: loads, published version, coverage.
    """

    home: Path
    republish: Callable[[], object]
    object: Callable[[Saying], dict[str, Any]]
    find: Callable[[Sought], str]
    report: Callable[[str, Language], dict[str, Any]]
    page: Callable[[dict[str, Any]], str]
    correct: Callable[[str, str, str | None, str | None, str, str], dict[str, Any]]
    restrict: Callable[[str, str, str], dict[str, Any]]
    erase: Callable[[str, str, str], dict[str, Any]]
    reviews: Callable[[], list[dict[str, Any]]]
    decide: Callable[[int, str, str, str, str], int]
    notices: Callable[[], list[dict[str, Any]]]
    health: Callable[[], dict[str, Any]]
