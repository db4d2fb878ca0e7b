"""A target group as the query of an address, and back: what is shared, bookmarked and gone back to.

A criterion stands under its code (`region=01&region=02`), what is left out under `not.` and its code, the ends of a range under
`.min` and `.max`. All of them hold together. Groups that say more (any, nested trees, several cells) are for files and the API.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlencode

from base.refused import Refused
from delivery import criteria, group
from delivery.criteria import Criterion
from delivery.group import TargetGroup
from delivery.nearest import refuse
from delivery.tree import CHANNELS, All, Leaf, Not, Strict, condition, text

Pairs = list[tuple[str, str]]
NOT, MIN, MAX = "not.", ".min", ".max"
NAME = "Kohderyhmä"
"""What a group is called that nobody has named."""
ONE = ("name", "unit", "purpose", "mode", "topic", "reason", "months", "cap", "n", "seed")
MANY = ("channel", "about", "include", "exclude")
BESIDE = ("q", "lang", "saved")
"""What may stand in an address and says nothing of the group."""
MOST = 2_000


def read(pairs: Iterable[tuple[str, str]]) -> TargetGroup:
    """The group of a query. Empty values say nothing. Raises Refused, naming what is not known."""
    told = [(key, value.strip()) for key, value in pairs if value.strip() and key not in BESIDE]
    if len(told) > MOST:
        raise Refused(f"more than {MOST:,} values: make a list of your own of them")
    one = {key: value for key, value in told if key in ONE}
    many: dict[str, list[str]] = {key: [value for name, value in told if name == key] for key in MANY}
    made: dict[str, Any] = {
        "version": 1, "name": one.get("name", NAME), "unit": one.get("unit", "person"),
        "purpose": one.get("purpose", "marketing"), "channels": many["channel"] or list(CHANNELS),
        "channel_mode": one.get("mode", "any"), "include": many["include"], "exclude": many["exclude"],
        "campaign": {"areas": many["about"], "topic": one.get("topic"), "override_reason": one.get("reason")},
        "not_delivered_months": _whole(one, "months"),
    }  # fmt: skip
    if "cap" in one:
        made["per_company"] = {"max": _whole(one, "cap")}
    if "n" in one:
        made["sample"] = {"n": _whole(one, "n"), "seed": _whole(one, "seed", 1)}
    conditions = _conditions([(key, value) for key, value in told if key not in (*ONE, *MANY)])
    if conditions:
        made["criteria"] = {"all": conditions} if len(conditions) > 1 else conditions[0]
    return group.parse(made)


def write(wanted: TargetGroup) -> Pairs:
    """The query of a group. Raises Refused for one that says more than a query can."""
    pairs: Pairs = []
    for part in _parts(wanted.criteria):
        pairs += _pairs(part)
    pairs += [
        ("channel", channel) for channel in CHANNELS if channel in wanted.channels and len(wanted.channels) < len(CHANNELS)
    ]
    sample = wanted.sample
    plain = {
        "name": wanted.name if wanted.name != NAME else None, "unit": _unless(wanted.unit, "person"),
        "purpose": _unless(wanted.purpose, "marketing"), "mode": _unless(wanted.channel_mode, "any"),
        "topic": wanted.campaign.topic, "reason": wanted.campaign.override_reason, "months": wanted.not_delivered_months,
        "cap": wanted.per_company.max if wanted.per_company else None, "n": sample.n if sample else None,
        "seed": _unless(sample.seed, 1) if sample else None,
    }  # fmt: skip
    pairs += [(key, str(value)) for key, value in plain.items() if value is not None]
    pairs += [("about", area) for area in wanted.campaign.areas]
    pairs += [(key, name) for key in ("include", "exclude") for name in getattr(wanted, key)]
    if _same(read(pairs)) != _same(wanted):
        raise Refused("this group says more than a form can: change it where it was made")
    return pairs


def query(pairs: Sequence[tuple[str, str]]) -> str:
    """As it stands in an address."""
    return urlencode(pairs)


def parsed(text: str) -> Pairs:
    """The pairs of an address. Raises Refused for too many."""
    try:
        return parse_qsl(text, max_num_fields=MOST)
    except ValueError:
        raise Refused(f"more than {MOST:,} values: make a list of your own of them") from None


def without(pairs: Sequence[tuple[str, str]], key: str, value: str | None = None) -> Pairs:
    """A query without one value of a key, or without the key."""
    return [pair for pair in pairs if pair[0] != key or (value is not None and pair[1] != value)]


def toggled(pairs: Sequence[tuple[str, str]], key: str, value: str) -> Pairs:
    """A query with a value that was not in it, or without one that was."""
    left = without(pairs, key, value)
    return left if len(left) < len(pairs) else [*pairs, (key, value)]


def _conditions(pairs: Pairs) -> list[dict[str, Any]]:
    """The conditions of what is told of criteria, in the order of the catalogue: what is, then what is not."""
    sets: dict[tuple[bool, str], list[str]] = {}
    ends: dict[str, dict[str, str]] = {}
    singles: dict[str, str] = {}
    known = criteria.catalogue()
    for key, value in pairs:
        bare = key.removeprefix(NOT)
        code, end = next(((bare.removesuffix(e), e) for e in (MIN, MAX) if bare.endswith(e)), (bare, ""))
        one = known.get(code)
        if one is None or (end != "") != (one.kind == "range") or (key.startswith(NOT) and one.kind != "set"):
            words = {**{c.code: tuple(c.names.values()) for c in known.values()}, **dict.fromkeys((*ONE, *MANY), ())}
            raise refuse("criterion", key, words)
        if one.kind == "set":
            sets.setdefault((key.startswith(NOT), code), []).append(value)
        elif end:
            ends.setdefault(code, {})[end] = value
        else:
            singles[code] = value
    found: list[dict[str, Any]] = []
    for code, one in known.items():
        if values := sets.get((False, code)):
            found.append({"field": code, "in": list(dict.fromkeys(values))})
        if code in ends:
            found.append({"field": code} | _range(one, ends[code].get(MIN), ends[code].get(MAX)))
        if code in singles:
            found.append({"field": code} | _single(one, singles[code]))
        if values := sets.get((True, code)):
            found.append({"not": {"field": code, "in": list(dict.fromkeys(values))}})
    return found


def _range(one: Criterion, low: str | None, high: str | None) -> dict[str, Any]:
    if low is not None and high is not None:
        return {"between": [_end(one, low), _end(one, high)]}
    return {"at_least": _end(one, low)} if low is not None else {"at_most": _end(one, str(high))}


def _single(one: Criterion, value: str) -> dict[str, Any]:
    if one.kind == "text":
        return {"contains": value}
    if value not in ("true", "false"):
        raise refuse(one.code, value, ["true", "false"])
    return {"is": value == "true"}


def _end(one: Criterion, value: str) -> int | float | date:
    try:
        if one.codes == "date":
            return date.fromisoformat(value)
        number = value.replace("\N{NO-BREAK SPACE}", "").replace(" ", "").replace(",", ".")
        return int(number) if number.lstrip("-").isdecimal() else float(number)
    except ValueError:
        raise Refused(f"{one.code} takes a {one.codes}, not {value[:40]!r}") from None


def _whole(one: dict[str, str], key: str, otherwise: int | None = None) -> int | None:
    value = one.get(key)
    if value is None:
        return otherwise
    if not value.isascii() or not value.isdigit() or len(value) > 18:
        raise Refused(f"{key} takes a whole number, not {value[:40]!r}")
    return int(value)


def _unless(value: Any, usual: Any) -> Any:
    return None if value == usual else value


def _parts(node: Strict | None) -> Sequence[Strict]:
    return () if node is None else node.all if isinstance(node, All) else (node,)


def _pairs(part: Strict) -> Pairs:
    prefix, leaf = (NOT, part.not_) if isinstance(part, Not) else ("", part)
    if not isinstance(leaf, Leaf):
        return []
    one, operator, value = condition(leaf)
    if prefix and operator != "in":
        return []
    ends: dict[str, Any] = {}
    match operator:
        case "in":
            return [(f"{prefix}{one.code}", str(code)) for code in value]  # type: ignore[attr-defined]
        case "between":
            ends = dict(zip((MIN, MAX), value, strict=True))  # type: ignore[call-overload]
        case "at_least":
            ends = {MIN: value}
        case "at_most":
            ends = {MAX: value}
        case "is":
            return [(one.code, str(value).lower())]
        case _:
            return [(one.code, str(value))]
    return [(f"{one.code}{end}", str(at)) for end, at in ends.items()]


def _same(wanted: TargetGroup) -> tuple[str, str, list[str]]:
    """What two groups share that are the same: the order of conditions that all hold says nothing."""
    bare = wanted.model_copy(update={"criteria": None})
    said = [json.dumps(group.ordered(json.loads(text(part))), sort_keys=True) for part in _parts(wanted.criteria)]
    return wanted.name, group.canonical(bare), sorted(said)
