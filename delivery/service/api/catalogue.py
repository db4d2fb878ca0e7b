"""What can be asked: criteria with their codes, columns of a file, terms."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from delivery import columns, terms
from delivery.service import counts
from delivery.service.api import answers
from delivery.service.api.common import RESPONSES, Lang, Told
from delivery.service.roles import may
from ledger.access import Identity

router = APIRouter(tags=["catalogue"], responses=RESPONSES)
May = may("catalogue")


@router.get("/criteria", response_model=list[answers.Criterion])
def list_criteria(language: Lang = "fi", who: Identity = May) -> list[dict[str, Any]]:
    """Everything a target group can be chosen by."""
    return counts.catalogue(language)


@router.get("/criteria/{criterion}/codes", response_model=list[answers.Code])
def list_codes(
    house: Told, criterion: str, q: Annotated[str, Query(max_length=100, description="Part of a code or name.")] = "",
    most: Annotated[int, Query(ge=1, le=500)] = 50, who: Identity = May,
) -> list[dict[str, Any]]:  # fmt: skip
    """Valid codes of a criterion, those that begin with the text first."""
    return counts.codes(house.shelf, criterion, q, most)


@router.get("/columns", response_model=list[answers.ColumnOfFile])
def list_columns(language: Lang = "fi", who: Identity = May) -> list[dict[str, Any]]:
    """The columns of a file."""
    return [
        {
            "code": one.code, "header": one.headers[language], "description": one.descriptions[language], "unit": one.unit,
            "kind": one.kind, "channel": one.channel, "part": one.part, "is_personal": one.is_personal,
        }
        for one in columns.every().values()
    ]  # fmt: skip


@router.get("/terms", response_model=answers.TermsInForce)
def read_terms(language: Lang = "fi", who: Identity = May) -> dict[str, Any]:
    """The terms of use in force, and the rules of marketing to businesses that an order accepts with them."""
    told = terms.terms()
    rules = [{"id": id_, "text": text[language]} for id_, text in terms.rules().items()]
    return {"version": told.version, "text": told.texts[language], "sha256": told.sha256, "rules": rules}
