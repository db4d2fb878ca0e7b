"""The criteria of a target group as a tree: all, any, not, and conditions on one criterion each."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictBool, StrictFloat, StrictInt, Tag

from delivery import criteria

MAX_DEPTH, MAX_LEAVES, MAX_VALUES = 10, 200, 10_000
"""How deep all/any/not may nest, how many conditions there may be, how many values one may have."""

Channel = Literal["email", "phone", "post"]
CHANNELS: tuple[Channel, ...] = ("email", "phone", "post")
Number = Annotated[StrictInt | StrictFloat, Field(allow_inf_nan=False)]
Scalar = Number | date


class Strict(BaseModel):
    """Nothing unknown, nothing changed after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


class All(Strict):
    """Every one of these holds."""

    all: list["Node"] = Field(min_length=1)


class Any_(Strict):
    """At least one of these holds."""

    model_config = ConfigDict(title="Any")
    any: list["Node"] = Field(min_length=1)


class Not(Strict):
    """This does not hold; true also of targets of which the value is not known."""

    not_: "Node" = Field(alias="not")


class Leaf(Strict):
    """A condition on one criterion of the catalogue (delivery/criteria.csv)."""

    field: str


class In(Leaf):
    """The value, or one of the values, is one of these codes."""

    in_: list[str] = Field(alias="in", min_length=1, max_length=MAX_VALUES)


class Between(Leaf):
    """Both ends included."""

    between: tuple[Scalar, Scalar]


class AtLeast(Leaf):
    """This or more, this day or later."""

    at_least: Scalar


class AtMost(Leaf):
    """This or less, this day or earlier."""

    at_most: Scalar


class Is(Leaf):
    """A yes or a no that is known."""

    is_: StrictBool = Field(alias="is")


class Contains(Leaf):
    """The text contains this, capitals or not."""

    contains: str = Field(min_length=1, max_length=200)


BRANCHES: dict[str, type[Strict]] = {"all": All, "any": Any_, "not": Not}
OPERATORS: dict[str, type[Leaf]] = {
    "in": In, "between": Between, "at_least": AtLeast, "at_most": AtMost, "is": Is, "contains": Contains,
}  # fmt: skip
OPERATORS_OF: dict[str, tuple[str, ...]] = {
    "set": ("in",), "range": ("between", "at_least", "at_most"), "flag": ("is",), "text": ("contains",),
}  # fmt: skip


def _tag(value: Any) -> str | None:
    """Which node this is: by the one key that only it has."""
    if isinstance(value, BaseModel):
        return next(key for key, kind in {**BRANCHES, **OPERATORS}.items() if type(value) is kind)
    return next((key for key in (*BRANCHES, *OPERATORS) if isinstance(value, dict) and key in value), None)


Node = Annotated[
    Union[  # noqa: UP007  (a union of annotated members that pydantic can discriminate)
        Annotated[All, Tag("all")], Annotated[Any_, Tag("any")], Annotated[Not, Tag("not")], Annotated[In, Tag("in")],
        Annotated[Between, Tag("between")], Annotated[AtLeast, Tag("at_least")], Annotated[AtMost, Tag("at_most")],
        Annotated[Is, Tag("is")], Annotated[Contains, Tag("contains")],
    ],
    Discriminator(_tag),
]  # fmt: skip


def leaves(node: object) -> Iterator[Leaf]:
    """The conditions of a tree, from left to right."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, Not):
        yield from leaves(node.not_)
    elif isinstance(node, All | Any_):
        for child in node.all if isinstance(node, All) else node.any:
            yield from leaves(child)


def condition(leaf: Leaf) -> tuple[criteria.Criterion, str, object]:
    """Criterion, operator and value of a condition."""
    operator = str(_tag(leaf))
    return criteria.catalogue()[leaf.field], operator, getattr(leaf, {"in": "in_", "is": "is_"}.get(operator, operator))


def text(node: Strict) -> str:
    """A node as canonical JSON: what `why` shows, and parse() reads again."""
    return json.dumps(node.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
