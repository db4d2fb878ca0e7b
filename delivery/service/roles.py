"""Who may do what (roles.csv), as dependencies of the routes. Whose data it is, who asks tells, never the request."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from fastapi import Depends, Request

from delivery.service.faults import Fault
from ledger.access import ROLES, Identity

STRANGER = "sign in, or send a key: `Authorization: Bearer kohde_...`"


@dataclass(frozen=True)
class Capability:
    """trail: whether its use is written down before the answer leaves, with others within a second, or not at all."""

    code: str
    roles: frozenset[str]
    trail: Literal["before", "batched", "no"]
    what: str


@cache
def capabilities() -> dict[str, Capability]:
    """All of roles.csv by code."""
    with Path(__file__).with_name("roles.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["capability"]: Capability(
                row["capability"], frozenset(role for role in ROLES if row[role] == "yes"),
                row["trail"], row["what"],  # type: ignore[arg-type]
            )
            for row in csv.DictReader(file)
        }  # fmt: skip


def may(capability: str) -> Any:
    """A dependency: the identity that asks, if its role has this capability. Else 401 or 403."""
    return Depends(_allowed(capability))


@cache
def _allowed(code: str) -> Callable[[Request], Identity]:
    capability = capabilities()[code]

    def allowed(request: Request) -> Identity:
        request.state.capability = capability
        who: Identity | None = request.state.who()
        if who is None:
            raise Fault(401, STRANGER, {"WWW-Authenticate": "Bearer"})
        if who.role not in capability.roles:
            raise Fault(403, f"the role {who.role} may not do this")
        return who

    # Of use to who draws the matrix of access (docs, tests).
    allowed.capability = code  # type: ignore[attr-defined]
    return allowed


def tenant(who: Identity) -> str:
    """Whose data is asked for. Raises Fault for our own people, who have no data of a recipient's."""
    if who.recipient_id is None:
        raise Fault(403, "this is for recipients")
    return who.recipient_id
