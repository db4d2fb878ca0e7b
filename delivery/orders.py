"""Orders of extract files: whom, as what file, how often, where to. They lie in the ledger (ledger/orders.py)."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import pyrage
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from base.refused import Refused
from delivery import columns, group, schedule
from delivery.group import TargetGroup
from delivery.render import Profile
from delivery.send.destinations import Destination
from ledger import orders as ledger
from ledger import recipients


class OrderSpec(BaseModel):
    """What an order says. licence_days: how long a row may be used from its delivery (DOMAIN L-23: two months).

    mode delta: after the first file only what has changed since the one before. fields: columns that are filled; by default
    all. age_recipient: files are encrypted to this key (age) before they go out. With no destination the files are fetched from
    the lake's `deliveries` folder; with no schedule they are made when somebody asks. lists: name -> file of each own list that
    the group names; it is read anew for each delivery.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    group: TargetGroup
    file: Profile = Profile()
    mode: Literal["full", "delta"] = "full"
    fields: list[str] | None = None
    lists: dict[str, Path] = {}
    schedule: str | None = None
    destination: Destination | None = None
    age_recipient: str | None = None
    licence_days: Annotated[int, Field(ge=1, le=3650)] = 60
    price_per_row_eur: Annotated[float, Field(ge=0)] | None = None

    @field_validator("schedule")
    @classmethod
    def _is_schedule(cls, line: str | None) -> str | None:
        return schedule.check(line) if line is not None else None

    @field_validator("fields")
    @classmethod
    def _are_columns(cls, codes: list[str] | None) -> list[str] | None:
        for code in codes or ():
            columns.header(code, "en")
        return codes

    @field_validator("age_recipient")
    @classmethod
    def _is_key(cls, text: str | None) -> str | None:
        if text is not None:
            try:
                pyrage.x25519.Recipient.from_str(text)
            except pyrage.RecipientError:
                raise Refused(f"{text[:12]}... is no age recipient: `age1` and what follows it") from None
        return text

    @model_validator(mode="after")
    def _fits(self) -> "OrderSpec":
        wanted = {*self.group.include, *self.group.exclude}
        if wanted != self.lists.keys():
            raise Refused(f"the group names {', '.join(sorted(wanted)) or 'no own list'}; lists must tell the file of each")
        if self.mode == "delta" and self.group.sample is not None:
            raise Refused("a random sample has no delta: each draw would remove what the one before has added")
        return self

    def canonical(self) -> str:
        """Canonical JSON: the same order, the same text."""
        told = self.model_dump(mode="json") | {"group": json.loads(group.canonical(self.group)) | {"name": self.group.name}}
        return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True)
class Order:
    """An order as it stands now. added_at: when it was worded so (UTC without a zone, as the ledger has it)."""

    order_id: str
    recipient_id: str
    recipient_name: str
    recipient_business_id: str | None
    state: str
    spec: OrderSpec
    accepted: ledger.Accepted
    added_at: datetime


def parse(told: object) -> OrderSpec:
    """An order from what YAML or JSON told. Raises Refused in one line."""
    if not isinstance(told, dict) or "group" not in told:
        raise Refused("an order is a mapping of group, file, schedule, destination ...")
    wanted = told["group"] if isinstance(told["group"], TargetGroup) else group.parse(told["group"])
    try:
        return OrderSpec.model_validate(told | {"group": wanted})
    except ValidationError as error:
        fault = error.errors()[0]
        raise Refused(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg'][:1].lower()}{fault['msg'][1:]}") from None


def load(path: Path) -> OrderSpec:
    """An order from a file. `group` may name a file beside it. Raises Refused."""
    try:
        told: Any = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        raise Refused(f"{path.name} is neither YAML nor JSON") from None
    if isinstance(told, dict) and isinstance(told.get("group"), str):
        told["group"] = group.load(path.parent / told["group"])
    return parse(told)


def every(home: Path) -> list[Order]:
    """All orders as they are now, by id. Raises LedgerRefused."""
    named = {one["recipient_id"]: one for one in recipients.every(home)}
    return [_order(row, named[row["recipient_id"]]) for row in ledger.every(home)]


def one(home: Path, order_id: str) -> Order:
    """An order as it is now. Raises LedgerRefused when there is none."""
    row = ledger.one(home, order_id)
    return _order(row, next(one for one in recipients.every(home) if one["recipient_id"] == row["recipient_id"]))


def _order(row: dict[str, Any], recipient: dict[str, Any]) -> Order:
    accepted = ledger.Accepted(row["accepted_terms"], row["accepted_by"], row["accepted_at"])
    return Order(
        row["order_id"], row["recipient_id"], recipient["name"], recipient["business_id"], row["state"],
        parse(json.loads(row["spec"])), accepted, row["added_at"],
    )  # fmt: skip


def due(home: Path, now: datetime) -> list[tuple[Order, str]]:
    """Orders with the firing that each still owes, oldest order id first. now: with a zone."""
    last: dict[str, str] = {}
    for row in ledger.history(home, what=["made"]):
        last[row["order_id"]] = max(last.get(row["order_id"], ""), row["detail"].get("period") or "")
    found = []
    for order in every(home):
        if order.state != "active" or order.spec.schedule is None:
            continue
        moment = schedule.due(order.spec.schedule, order.added_at.replace(tzinfo=UTC), now)
        # Also a clock that was set back finds nothing to make up for: later ones than this have been made.
        if moment is not None and schedule.period(moment) > last.get(order.order_id, ""):
            found.append((order, schedule.period(moment)))
    return found
