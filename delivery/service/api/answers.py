"""What the API answers, as types: a client can be generated from them, and nothing else than they say leaves."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

from delivery.service.refreshing import STAGES

Stage = Literal["waiting", "reading", "matching", "persons", "changes", "writing", "done", "failed", "interrupted"]
assert {*STAGES, "failed", "interrupted"} == {*Stage.__args__}  # type: ignore[attr-defined]


Moment = Annotated[datetime, AfterValidator(lambda at: at if at.tzinfo else at.replace(tzinfo=UTC))]
"""The ledger has UTC without a zone; clients are told the zone."""


class Gate(BaseModel):
    """A line of a waterfall: how many fell here. SMALL_COUNTS: of gates whose own counts are too small to be shown."""

    gate: str
    count: Annotated[int, Field(ge=0)]


class Cell(BaseModel):
    """count: null where it is too small to be shown, or would give away one that is."""

    values: list[str | None]
    count: int | None


class Count(BaseModel):
    """result: rows of the file. waterfall: losses among the population; matching: among those that match the criteria (empty
    where that would tell of somebody). available: before cap and sample. facets, breakdown: as asked for, of those available.
    """

    criteria_hash: str
    version: Annotated[str, Field(description="The published version that was counted.")]
    result: int
    waterfall: list[Gate]
    matching: list[Gate]
    notes: list[str]
    available: int
    new_to_you: int
    email_recipients: int
    expected_bounce: Annotated[float | None, Field(description="Share of e-mail that will not arrive.")]
    facets: dict[str, list[Cell]] = {}
    breakdown: list[Cell] = []


class PreviewRow(BaseModel):
    """A target, masked. person: initials. areas, level: of the person there."""

    organisation: str | None
    municipality: str | None
    industry_code: str | None
    person: str | None
    areas: list[str] | None
    level: str | None
    verified_on: date | None
    channels: list[str] | None


class Criterion(BaseModel):
    """as_of: whether it can be asked of an earlier day."""

    code: str
    name: str
    unit: str
    kind: str
    is_facet: bool
    as_of: bool
    description: str


class Code(BaseModel):
    """A code and its names in the languages there are."""

    code: str
    names: list[str | None]


class ColumnOfFile(BaseModel):
    """A column of an extract file."""

    code: str
    header: str
    description: str
    unit: str
    kind: str
    channel: str | None
    part: str | None
    is_personal: bool


class Rule(BaseModel):
    """A rule of marketing to businesses."""

    id: str
    text: str


class TermsInForce(BaseModel):
    """An order names the version that it accepts."""

    version: str
    text: str
    sha256: str
    rules: list[Rule]


class GroupId(BaseModel):
    """Of a group that was kept."""

    group_id: str


class Group(GroupId):
    """A group that is kept."""

    group: dict[str, Any]
    saved_at: Moment


class ListSaved(BaseModel):
    """A list of one's own."""

    name: str
    rows: int


class OwnList(ListSaved):
    """As it is kept."""

    saved_at: Moment


class Accepted(BaseModel):
    """Who accepted which version of the terms."""

    version: str
    by: str
    at: Moment


class Order(BaseModel):
    """state: waiting, made, failed (`why` says why), standing, paused or ended."""

    order_id: str
    name: str
    state: Literal["waiting", "made", "failed", "standing", "paused", "ended"]
    why: str | None
    mode: Literal["full", "delta"]
    format: str
    schedule: str | None
    licence_days: int
    accepted: Accepted
    added_at: Moment


class Delivery(BaseModel):
    """What was sent. kind: full, delta or recall. confirmed: fetched, recalled, destroyed."""

    delivery_id: str
    order_id: str
    kind: str
    rows: int | None
    sent_at: Moment
    valid_until: date
    confirmed: list[str]


class DeliveryWithFiles(Delivery):
    """files: names, to be fetched one by one."""

    files: list[str]


class Recall(BaseModel):
    """A recall that waits for confirmation."""

    delivery_id: str
    order_id: str
    recipient_id: str
    sent_at: Moment
    rows: int
    days: int
    reminders: int


class Check(BaseModel):
    """held: rows that the recipient holds by the order. to_do: row ids by what is to be done with them."""

    delivery_id: str
    order_id: str
    held: int
    to_do: dict[str, list[str]]


class Key(BaseModel):
    """Somebody or something that may use the service."""

    access_id: str
    recipient_id: str
    role: str
    state: str
    label: str | None
    kind: Literal["key", "account"]
    expires_at: Moment | None
    added_at: Moment


class NewKey(BaseModel):
    """key: shown this once."""

    access_id: str
    key: str


class Job(BaseModel):
    """A refresh. stage: how far it is; `why` says why it failed. summary, files: at its end."""

    job_id: str
    file: str
    language: str
    stage: Stage
    why: str | None
    delivery_id: str | None
    files: list[str]
    summary: dict[str, Any] | None
    began_at: Moment


class ObjectionTaken(BaseModel):
    """The number of an objection."""

    objection_id: int


class Event(BaseModel):
    """An event of the trail."""

    at: Moment
    request_id: str
    access_id: str | None
    recipient_id: str | None
    role: str | None
    action: str
    about: str | None
    status: int
    rows: int | None


class Person(BaseModel):
    """The id of a person."""

    person_id: str


class ObjectionListed(BaseModel):
    """An objection, without whom it is about."""

    objection_id: int
    kind: str
    scope: str
    purpose: str
    channel: str | None
    origin: str
    received_at: Moment
    effective_at: Moment
    revoked_at: Moment | None


class Notices(BaseModel):
    """How many are to be told, how many of them late, and the most urgent."""

    due: int
    late: int
    persons: list[dict[str, Any]]


class ReviewTaken(BaseModel):
    """The number of a decision."""

    review_id: int


class DeliveryEvent(BaseModel):
    """What became of a delivery."""

    delivery_id: str
    order_id: str
    recipient_id: str
    what: str
    at: Moment
    why: str | None


class Alive(BaseModel):
    """That the process answers."""

    status: Literal["alive"]
