"""A target group: the one typed form that count, preview, extract, standing orders, API and page all read.

YAML or JSON. Whatever is not known (a key, a criterion, an operator, a value) is refused by its name, with the nearest that is:
a group that is read differently from what its author meant is worse than none. JSON Schema: docs/schemas/target-group-1.json.
"""

import hashlib
import json
import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError

from base.refused import Refused
from delivery import criteria
from delivery.nearest import refuse
from delivery.tree import (
    BRANCHES,
    CHANNELS,
    MAX_DEPTH,
    MAX_LEAVES,
    OPERATORS,
    OPERATORS_OF,
    Channel,
    Leaf,
    Node,
    Strict,
    condition,
    leaves,
)

MAX_BYTES = 2_000_000
"""How large a file may be."""

Rank = Literal["p_current", "level", "verified_on", "role_started_on"]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Campaign(Strict):
    """What the marketing is about (L-02, L-05). Named work e-mail goes only to persons of these areas, or for a reason."""

    topic: Name | None = None
    areas: list[str] = Field(default=[], max_length=16)
    override_reason: Annotated[str, Field(min_length=10, max_length=1000)] | None = None


class PerCompany(Strict):
    """At most `max` targets of one organisation: the first by these ranks, then by target_id."""

    max: int = Field(ge=1, le=1000)
    rank_by: list[Rank] = Field(default=["p_current"], max_length=4)


class Sample(Strict):
    """A random part: the first n by a hash of seed and target, so that the same seed takes the same targets.

    stratify_by: each stratum gets its share. cells: split evenly into A, B ...; hold_out: this share is kept back.
    """

    n: int | None = Field(default=None, ge=1)
    seed: int = Field(default=1, ge=0, le=2**63 - 1)
    stratify_by: list[str] = Field(default=[], max_length=2)
    cells: int | None = Field(default=None, ge=2, le=26)
    hold_out: float = Field(default=0, ge=0, le=0.5)


class TargetGroup(Strict):
    """Whom a customer wants to reach, for what, by which channels."""

    version: Literal[1]
    name: Name
    unit: Literal["person", "organisation"] = "person"
    purpose: Literal["marketing", "maintenance"] = "marketing"
    channels: list[Channel] = Field(min_length=1, max_length=3)
    channel_mode: Literal["any", "all"] = "any"
    criteria: Node | None = None
    campaign: Campaign = Campaign()
    include: list[Name] = Field(default=[], max_length=20)
    exclude: list[Name] = Field(default=[], max_length=20)
    not_delivered_months: int | None = Field(default=None, ge=1, le=120)
    per_company: PerCompany | None = None
    sample: Sample | None = None
    as_of: date | None = None


def load(path: Path) -> TargetGroup:
    """Read a group from YAML or JSON. Raises Refused, naming what is not known and the nearest that is."""
    if path.stat().st_size > MAX_BYTES:
        raise Refused(f"{path.name}: larger than {MAX_BYTES:,} bytes")
    return read(path.read_bytes(), path.name)


def read(content: bytes, called: str) -> TargetGroup:
    """A group from the content of a file that is called so. Raises Refused as `load` does."""
    if len(content) > MAX_BYTES:
        raise Refused(f"{called}: larger than {MAX_BYTES:,} bytes")
    try:
        told = yaml.load(content.decode("utf-8-sig"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(f"{called} is neither YAML nor JSON: {' '.join(str(error).split())[:200]}") from error
    try:
        return parse(told)
    except Refused as refused:
        raise Refused(f"{called}: {refused}") from refused


def dump(group: TargetGroup) -> str:
    """A group as YAML that `read` reads back as the same; what is as usual is left out."""
    usual = TargetGroup(version=1, name=group.name, channels=group.channels).model_dump(mode="json")
    told = {
        key: value for key, value in group.model_dump(mode="json").items()
        if key in ("version", "name", "channels") or value != usual[key]
    }  # fmt: skip
    return yaml.safe_dump(told, allow_unicode=True, sort_keys=False, width=1000)


def parse(told: object) -> TargetGroup:
    """A group from what YAML or JSON told. Raises Refused; codes are looked up when a desk is open (check)."""
    if not isinstance(told, dict):
        raise Refused("a target group is a mapping of version, name, channels, criteria ...")
    for key in told:
        if key not in TargetGroup.model_fields:
            raise refuse("key", key, list(TargetGroup.model_fields))
    tree = told.get("criteria")
    if tree is not None:
        told = told | {"criteria": _known(tree, 1, [0])}
    try:
        group = TargetGroup.model_validate(told)
    except ValidationError as error:
        raise _spoken(error) from error
    for leaf in leaves(group.criteria):
        _fits(group, leaf)
    if len(set(group.channels)) < len(group.channels):
        raise Refused("channels: one is named twice")
    for name in group.sample.stratify_by if group.sample else ():
        valid = [d for d in criteria.dimensions(group.unit) if not criteria.catalogue()[d].is_list]
        if name not in valid:
            raise refuse("stratify_by", name, valid)
    return group


def check(group: TargetGroup, book: criteria.Codebook) -> list[str]:
    """Look every code up in what is published. Gives notes (what a TOL 2008 code splits into); raises Refused."""
    notes = [note for leaf in leaves(group.criteria) for note in book.test(*condition(leaf)).notes]
    areas = book.valid(criteria.catalogue()["area"])
    for area in group.campaign.areas:
        if area not in areas:
            raise refuse("campaign area", area, areas)
    return list(dict.fromkeys(notes))


def canonical(group: TargetGroup) -> str:
    """Canonical JSON of everything that decides who is in it; the name does not. Same text, same group."""
    told = group.model_dump(mode="json", exclude={"name"})
    told["channels"] = [channel for channel in CHANNELS if channel in group.channels]
    return json.dumps(ordered(told), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(group: TargetGroup) -> str:
    """SHA-256 of the canonical JSON: the hash of the criteria that a manifest tells."""
    return hashlib.sha256(canonical(group).encode()).hexdigest()


def schema() -> dict[str, Any]:
    """JSON Schema of version 1, with the criteria by name."""
    made = TargetGroup.model_json_schema()
    for kind, operators in OPERATORS_OF.items():
        names = [one.code for one in criteria.catalogue().values() if one.kind == kind]
        for operator in operators:
            made["$defs"][OPERATORS[operator].__name__]["properties"]["field"] = {"enum": names, "type": "string"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "Target group, version 1"}


def ordered(told: Any) -> Any:
    """The order of codes in a condition, and of areas and lists, says nothing."""
    if isinstance(told, dict):
        return {
            key: sorted(set(value)) if key in ("in", "areas", "include", "exclude") else ordered(value)
            for key, value in told.items()
        }
    return [ordered(one) for one in told] if isinstance(told, list) else told


def _known(node: Any, depth: int, count: list[int]) -> Any:
    """Refuse what is not known by its name, before pydantic would list every form that a node might have had."""
    if depth > MAX_DEPTH:
        raise Refused(f"criteria nest deeper than {MAX_DEPTH}")
    if not isinstance(node, dict):
        raise Refused(f"a condition is a mapping such as {{field: region, in: ['01']}}, not {str(node)[:60]!r}")
    branches = [key for key in node if key in BRANCHES]
    if branches:
        (first, *others) = node
        if others:
            raise Refused(f"{first!r} and {others[0]!r} stand side by side: put them under `all` or `any`")
        children = node[first] if first != "not" else [node[first]]
        if not isinstance(children, list) or not children:
            raise Refused(f"`{first}` needs at least one condition")
        known = [_known(child, depth + 1, count) for child in children]
        return {first: known[0] if first == "not" else known}
    count[0] += 1
    if count[0] > MAX_LEAVES:
        raise Refused(f"more than {MAX_LEAVES} conditions")
    for key in node:
        if key != "field" and key not in OPERATORS:
            raise refuse("operator", key, ["field", *BRANCHES, *OPERATORS])
    if node.get("field") not in criteria.catalogue():
        raise refuse("criterion", node.get("field"), {c.code: tuple(c.names.values()) for c in criteria.catalogue().values()})
    operators = [key for key in node if key != "field"]
    if len(operators) != 1:
        raise Refused(f"{node['field']}: one operator, not {len(operators)}")
    return _condition(node, operators[0])


def _condition(node: dict[Any, Any], operator: str) -> dict[Any, Any]:
    """Codes are texts: a whole number is taken as written, a decimal is not, since 46.10 has lost its zero by now."""
    criterion = criteria.catalogue()[node["field"]]
    values = node[operator]
    if operator == "in" and isinstance(values, list):
        for value in values:
            if not isinstance(value, str | int) or isinstance(value, bool):
                raise Refused(f"{criterion.code}: write the code {value!r} in quotes")
        node = node | {"in": [str(value) for value in values]}
    fitting = OPERATORS_OF[criterion.kind]
    if operator not in fitting:
        raise Refused(f"{criterion.code} is a {criterion.kind}: it takes {' or '.join(fitting)}, not {operator}")
    try:
        OPERATORS[operator].model_validate(node)
    except ValidationError as error:
        if criterion.kind == "range":
            raise Refused(f"{criterion.code} takes a {criterion.codes}, not {values!r}") from error
        raise Refused(f"{criterion.code}: {_lower(error.errors()[0]['msg'])}") from error
    return node


def _fits(group: TargetGroup, leaf: Leaf) -> None:
    criterion, operator, value = condition(leaf)
    if operator not in OPERATORS_OF[criterion.kind]:
        raise Refused(
            f"{leaf.field} is a {criterion.kind}: it takes {' or '.join(OPERATORS_OF[criterion.kind])}, not {operator}"
        )
    if criterion.unit == "person" and group.unit == "organisation":
        raise Refused(f"{leaf.field} is about persons, and the group picks organisations (unit)")
    if group.as_of and not criterion.in_history:
        raise Refused(f"{leaf.field} is not kept in the history, so it cannot be asked as of {group.as_of}")
    if criterion.kind == "range":
        for end in value if isinstance(value, tuple) else (value,):
            if isinstance(end, date) != (criterion.codes == "date"):
                raise Refused(f"{leaf.field} takes a {criterion.codes}, not {end}")
        criteria.bounds(operator, value)


def _spoken(error: ValidationError) -> Refused:
    """The first fault in one line."""
    fault = error.errors()[0]
    place = ".".join(str(part) for part in fault["loc"] if part not in (*BRANCHES, *OPERATORS) or isinstance(part, int))
    if fault["type"] == "extra_forbidden":
        owners: dict[str, type[BaseModel]] = {"campaign": Campaign, "per_company": PerCompany, "sample": Sample}
        return refuse("key", fault["loc"][-1], list(owners.get(str(fault["loc"][0]), TargetGroup).model_fields))
    if fault["type"] == "literal_error":
        valid = re.findall(r"'([^']*)'", fault["ctx"]["expected"])
        return refuse(place, fault["input"], valid or [fault["ctx"]["expected"]])
    return Refused(f"{place}: {_lower(fault['msg'])}")


def _lower(said: str) -> str:
    return said[:1].lower() + said[1:]


class _Loader(yaml.SafeLoader):
    """YAML without its surprises: 00100 is a text and not 64, a key that stands twice is a fault, and so is an alias: a few
    lines of them can stand for more than any machine holds."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """As the base class, but of no aliases."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "an alias (*) stands in it: write it out")
        return super().compose_node(parent, index)

    yaml_implicit_resolvers = {  # noqa: RUF012  (as in the class above)
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:int"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As the base class, but a key may stand once."""
        keys = [self.construct_object(key) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands twice")
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(0|[1-9][0-9]*)$"), list("-0123456789"))


if __name__ == "__main__":
    print(json.dumps(schema(), indent=2, ensure_ascii=False))
