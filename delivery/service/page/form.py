"""A target group as the query of an address, and back: what is shared, bookmarked and gone back to.

A criterion stands under its code (`region=01&region=02`), what is left out under `not.` and its code, the ends of a range under
`.min` and `.max`. All of them hold together. Blocks stand beside them, each with a number of its own: of `any1.` at least one
condition holds, of `none1.` none does. A part that nests deeper stands under `tree` as JSON: shown in words, kept as it is.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

from base.refused import Refused
from delivery import criteria, group
from delivery.criteria import Criterion
from delivery.group import TargetGroup
from delivery.nearest import refuse
from delivery.tree import CHANNELS, All, Any_, Leaf, Not, Strict, condition, text

Pairs = list[tuple[str, str]]
NOT, MIN, MAX = "not.", ".min", ".max"
BLOCKS = 20
"""Blocks of each kind."""
BLOCK = re.compile(r"(any|none)([1-9]|1[0-9]|20)\.")
"""What the conditions of a block begin with."""
TREE = "tree"
BY_ID = "id"
"""A rank that is none: only the order of ids decides who of a company comes first."""
NAME = "Kohderyhmä"
"""What a group is called that nobody has named."""
ONE = ("name", "unit", "purpose", "mode", "topic", "reason", "months", "as_of", "cap", "n", "seed", "cells", "hold_out")
MANY = ("channel", "about", "include", "exclude", "rank", "strata", TREE)
BESIDE = ("q", "lang", "saved")
"""What may stand in an address and says nothing of the group."""
MOST = 2_000
LONGEST = 30_000
"""Characters of a query: a server takes a line of 64 kB, a proxy often half of it."""


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
        "not_delivered_months": _whole(one, "months"), "as_of": _day(one, "as_of"),
    }  # fmt: skip
    if "cap" in one:
        ranks = list(dict.fromkeys(many["rank"]))
        ranked = {"rank_by": [rank for rank in ranks if rank != BY_ID]} if ranks else {}
        made["per_company"] = {"max": _whole(one, "cap")} | ranked
    sample = {
        "n": _whole(one, "n"), "seed": _whole(one, "seed", 1), "stratify_by": list(dict.fromkeys(many["strata"])),
        "cells": _whole(one, "cells"), "hold_out": _share(one, "hold_out"),
    }  # fmt: skip
    if many["strata"] or {"n", "seed", "cells", "hold_out"} & one.keys():
        made["sample"] = sample
    conditions = _parted([(key, value) for key, value in told if key not in (*ONE, *MANY)])
    conditions += [_tree(value) for value in many[TREE]]
    if conditions:
        made["criteria"] = {"all": conditions} if len(conditions) > 1 else conditions[0]
    return group.parse(made)


def write(wanted: TargetGroup) -> Pairs:
    """The query of a group. Raises Refused for one that is too long for an address."""
    pairs: Pairs = []
    taken: set[str] = set()
    count = {"any": 0, "none": 0}
    for part in _parts(wanted.criteria):
        pairs += _part(part, taken, count)
    pairs += [
        ("channel", channel) for channel in CHANNELS if channel in wanted.channels and len(wanted.channels) < len(CHANNELS)
    ]
    sample, cap = wanted.sample, wanted.per_company
    plain = {
        "name": wanted.name if wanted.name != NAME else None, "unit": _unless(wanted.unit, "person"),
        "purpose": _unless(wanted.purpose, "marketing"), "mode": _unless(wanted.channel_mode, "any"),
        "topic": wanted.campaign.topic, "reason": wanted.campaign.override_reason, "months": wanted.not_delivered_months,
        "as_of": wanted.as_of, "cap": cap.max if cap else None,
    }  # fmt: skip
    if sample:
        plain |= {"n": sample.n, "cells": sample.cells, "hold_out": _unless(sample.hold_out, 0)}
        # A sample of everybody says nothing else than its seed.
        is_bare = not sample.stratify_by and not any(plain[key] for key in ("n", "cells", "hold_out"))
        plain["seed"] = sample.seed if is_bare else _unless(sample.seed, 1)
    pairs += [(key, str(value)) for key, value in plain.items() if value is not None]
    pairs += [("about", area) for area in wanted.campaign.areas]
    pairs += [(key, name) for key in ("include", "exclude") for name in getattr(wanted, key)]
    if cap and cap.rank_by != ["p_current"]:
        pairs += [("rank", rank) for rank in (*cap.rank_by, *(() if cap.rank_by else (BY_ID,)))]
    pairs += [("strata", name) for name in (sample.stratify_by if sample else ())]
    if len(pairs) > MOST or len(query(pairs)) > LONGEST or not same(read(pairs), wanted):
        raise Refused("this group does not fit into an address: keep it under a name, and change it as a file")
    return pairs


def query(pairs: Sequence[tuple[str, str]]) -> str:
    """As it stands in an address."""
    return "&".join(_encoded(pair) for pair in pairs)


@lru_cache(100_000)
def _encoded(pair: tuple[str, str]) -> str:
    """Kept: a page has forty addresses of nearly the same pairs."""
    return urlencode([pair])


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


def block_of(key: str) -> str:
    """The block that a key's condition stands in, such as `any1.`; empty for what holds beside all others."""
    found = BLOCK.match(key)
    return found[0] if found else ""


def is_condition(key: str) -> bool:
    """Whether a key tells a condition, in a block or not."""
    return _code(key.removeprefix(block_of(key))) in criteria.catalogue()


def condition_of(key: str) -> str:
    """What the pairs of one condition share: the key without the end of a range."""
    return key.removesuffix(MIN).removesuffix(MAX)


def moved(pairs: Sequence[tuple[str, str]], condition: str, block: str) -> Pairs:
    """A query with a condition (of `condition_of`) in another block, or beside all others when block is empty."""
    bare = condition.removeprefix(block_of(condition))
    turned = [(f"{block}{bare}{key.removeprefix(condition)}", value) for key, value in pairs if condition_of(key) == condition]
    left = [pair for pair in pairs if condition_of(pair[0]) != condition]
    return list(dict.fromkeys([*left, *turned]))


def free_block(pairs: Sequence[tuple[str, str]], kind: str) -> str:
    """The first block of a kind (any, none) that nothing stands in."""
    used = {block_of(key) for key, _ in pairs}
    return next(f"{kind}{number}." for number in range(1, BLOCKS + 2) if f"{kind}{number}." not in used)


def _code(bare: str) -> str:
    return condition_of(bare.removeprefix(NOT))


def _parted(pairs: Pairs) -> list[dict[str, Any]]:
    """The conditions of what is told of criteria: what holds beside all others, then each block."""
    blocks: dict[str, Pairs] = {"": []}
    for key, value in pairs:
        blocks.setdefault(block_of(key), []).append((key.removeprefix(block_of(key)), value))
    found = _conditions(blocks.pop(""))
    for block in sorted(blocks, key=lambda block: (block[:3], int("".join(filter(str.isdigit, block))))):
        some = _conditions(blocks[block])
        if block.startswith("any"):
            found.append({"any": some})
        else:
            found.append({"not": {"any": some} if len(some) > 1 else some[0]})
    return found


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
    if not value.isascii() or not value.isdigit() or len(value) > 19:
        raise Refused(f"{key} takes a whole number, not {value[:40]!r}")
    return int(value)


def _day(one: Mapping[str, str], key: str) -> date | None:
    try:
        return date.fromisoformat(one[key]) if key in one else None
    except ValueError:
        raise Refused(f"{key} takes a date, not {one[key][:40]!r}") from None


def _share(one: Mapping[str, str], key: str) -> float:
    try:
        return float(one.get(key, "0").replace(",", "."))
    except ValueError:
        raise Refused(f"{key} takes a number, not {one[key][:40]!r}") from None


def _tree(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise Refused("tree takes JSON") from None


def _unless(value: Any, usual: Any) -> Any:
    return None if value == usual else value


def _parts(node: Strict | None) -> list[Strict]:
    return [part for child in node.all for part in _parts(child)] if isinstance(node, All) else [node] if node else []


def _part(part: Strict, taken: set[str], count: dict[str, int]) -> Pairs:
    """A part of what all hold: a condition, a block, or what a form can only keep.

    taken: conditions told already; count: blocks of each kind.
    """
    inner = part.not_ if isinstance(part, Not) else part
    kind = "any" if inner is part else "none"
    pairs = _pairs(part)
    if not pairs and isinstance(inner, Any_ | Leaf):
        number = count[kind] + 1
        pairs = _block(f"{kind}{number}.", inner.any if isinstance(inner, Any_) else (inner,)) if number <= BLOCKS else []
        count[kind] += bool(pairs)
    if not pairs or {condition_of(key) for key, _ in pairs} & taken:
        return [(TREE, text(part))]
    taken |= {condition_of(key) for key, _ in pairs}
    return pairs


def _block(prefix: str, parts: Sequence[Strict]) -> Pairs:
    """The pairs of a block; none when one of its parts is more than a condition, or two are on one criterion."""
    told = [_pairs(part) for part in parts]
    keys = [condition_of(pairs[0][0]) for pairs in told if pairs]
    if len(set(keys)) < len(told):
        return []
    return [(f"{prefix}{key}", value) for pairs in told for key, value in pairs]


def _pairs(part: Strict) -> Pairs:
    """The pairs of a condition, or of a set that is left out; none for anything else."""
    prefix, leaf = (NOT, part.not_) if isinstance(part, Not) else ("", part)
    if not isinstance(leaf, Leaf):
        return []
    one, operator, value = condition(leaf)
    if prefix and operator != "in":
        return []
    ends: dict[str, Any] = {}
    match operator:
        case "in":
            told = [(f"{prefix}{one.code}", str(code)) for code in value]  # type: ignore[attr-defined]
            # A query forgets what stands around a value, and empty ones.
            return told if all(code == code.strip() and code for _, code in told) else []
        case "between":
            ends = dict(zip((MIN, MAX), value, strict=True))  # type: ignore[call-overload]
        case "at_least":
            ends = {MIN: value}
        case "at_most":
            ends = {MAX: value}
        case "is":
            return [(one.code, str(value).lower())]
        case _:
            return [(one.code, str(value))] if str(value) == str(value).strip() else []
    return [(f"{one.code}{end}", str(at)) for end, at in ends.items()]


def same(one: TargetGroup, other: TargetGroup) -> bool:
    """Whether two groups say the same: the order of conditions that stand side by side says nothing."""
    return _said(one) == _said(other)


def _said(wanted: TargetGroup) -> tuple[str, str, str]:
    tree = {"all": [json.loads(text(part)) for part in _parts(wanted.criteria)]}
    return wanted.name, group.canonical(wanted.model_copy(update={"criteria": None})), _sorted(group.ordered(tree))


def _sorted(node: Any) -> str:
    if isinstance(node, dict):
        for key in ("all", "any"):
            if key in node:
                parts = sorted(map(_sorted, node[key]))
                return parts[0] if len(parts) == 1 else json.dumps({key: parts})
        if "not" in node:
            return json.dumps({"not": _sorted(node["not"])})
    return json.dumps(node, sort_keys=True)
