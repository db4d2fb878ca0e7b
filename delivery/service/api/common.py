"""What the parts of the API share: the house behind a request, a group as it is asked, languages."""

from typing import Annotated, Any, cast

from fastapi import Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from delivery import group
from delivery.columns import Language
from delivery.group import TargetGroup
from delivery.service.app import House


class Problem(BaseModel):
    """A fault (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str | None
    faults: Annotated[list[dict[str, str]], Field(description="Of a request that is not as described: where, and what.")] = []


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": what}
    for status, what in {
        400: "The request cannot be read.", 401: "Nobody has signed in.", 403: "The role may not do this.",
        404: "There is no such thing.", 408: "The body did not come.", 409: "It contradicts what there is.",
        410: "Its time is over.", 413: "Too large.", 422: "It cannot be done as asked; the line says why.",
        429: "Too many requests, or rows.", 500: "A fault of ours.", 503: "Not now.",
    }.items()
}  # fmt: skip


BYTES = "application/octet-stream"
"""As which a file is sent, whatever it is: no browser shows it as a page of ours."""
FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {BYTES: {"schema": {"type": "string", "format": "binary"}}}}
}


def house(request: Request) -> House:
    """What the routes work with."""
    return cast(House, request.app.state.house)


Told = Annotated[House, Depends(house)]
Lang = Annotated[Language, Query(description="fi, sv or en.")]


class Strict(BaseModel):
    """A body of which nothing is overlooked."""

    model_config = ConfigDict(extra="forbid")


class GroupBody(Strict):
    """A target group as in docs/schemas/target-group-1.json."""

    group: Annotated[dict[str, Any], Field(description="A target group, version 1 (docs/schemas/target-group-1.json).")]

    def parsed(self) -> TargetGroup:
        """The group. Raises Refused, naming what is not known and the nearest that is."""
        return group.parse(self.group)


def about(request: Request, what: str | None, rows: int | None = None) -> None:
    """What the trail says that this request was about."""
    request.state.about, request.state.rows = what, rows
