"""Small errors put into SQL one at a time: a test that notices none of them proves nothing of what it tests.

An operator turns one node of a parsed query into what a tired hand might have written: another join, a lost condition, `<` for
`<=`. Each mutant is one change. What no test notices is a survivor: a fault of the tests, or a change that means nothing
(`EQUIVALENT`, each with its reason).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

Change = Callable[[exp.Expression], exp.Expression | None]
SWAPPED: dict[type[exp.Expression], type[exp.Expression]] = {
    exp.EQ: exp.NEQ, exp.NEQ: exp.EQ, exp.LT: exp.LTE, exp.LTE: exp.LT, exp.GT: exp.GTE, exp.GTE: exp.GT,
    exp.And: exp.Or, exp.Or: exp.And, exp.Min: exp.Max, exp.Max: exp.Min, exp.ArgMin: exp.ArgMax, exp.ArgMax: exp.ArgMin,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One changed query. `what`: the change in words, the same in every run."""

    model: str
    what: str
    sql: str


def mutants(model: str, sql: str) -> Iterator[Mutant]:
    """Every mutant of a query, in a stable order."""
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    seen, named = {tree.sql(dialect="duckdb")}, Counter[str]()
    for node in list(tree.walk()):
        if not isinstance(node, CONCERNED):
            continue
        for name, operator in OPERATORS.items():
            # Changed in its place and put back: the tree is large, and a copy of it for each change takes its time.
            twin = node.copy()
            twin.parent = node.parent
            if (changed := operator(twin)) is None:
                continue
            text = _with(tree, node, changed)
            if text not in seen:
                seen.add(text)
                what = f"{name}: {' '.join(node.sql(dialect='duckdb', comments=False).split())[:90]}"
                named[what] += 1  # two places may read alike: what is said of the one says nothing of the other
                yield Mutant(model, what if named[what] == 1 else f"{what} #{named[what]}", text)


def _with(tree: exp.Expression, node: exp.Expression, changed: exp.Expression) -> str:
    """The query with another node in the place of one of its own."""
    if node is tree:
        return changed.sql(dialect="duckdb")
    changed.parent = None
    node.replace(changed)
    text = tree.sql(dialect="duckdb")
    changed.replace(node)
    return text


def _join(node: exp.Expression) -> exp.Expression | None:
    if not isinstance(node, exp.Join) or node.args.get("kind") == "CROSS":
        return None
    if node.kind in ("ANTI", "SEMI"):
        node.set("kind", "SEMI" if node.kind == "ANTI" else "ANTI")
    elif node.side == "LEFT":
        node.set("side", None)
        node.set("kind", "INNER")
    else:
        node.set("kind", None)
        node.set("side", "LEFT")
    return node


def _swap(node: exp.Expression) -> exp.Expression | None:
    other = SWAPPED.get(type(node))
    return (
        other(**{key: value.copy() if isinstance(value, exp.Expression) else value for key, value in node.args.items()})
        if other
        else None
    )


def _left(node: exp.Expression) -> exp.Expression | None:
    return node.this.copy() if isinstance(node, exp.And | exp.Or) else None


def _right(node: exp.Expression) -> exp.Expression | None:
    return node.expression.copy() if isinstance(node, exp.And | exp.Or) else None


def _no_not(node: exp.Expression) -> exp.Expression | None:
    return node.this.copy() if isinstance(node, exp.Not) else None


def _not_null(node: exp.Expression) -> exp.Expression | None:
    return exp.Not(this=node.copy()) if isinstance(node, exp.Is) and not isinstance(node.parent, exp.Not) else None


def _no_where(node: exp.Expression) -> exp.Expression | None:
    if not isinstance(node, exp.Select) or not node.args.get("where"):
        return None
    node.set("where", None)
    return node


def _no_filter(node: exp.Expression) -> exp.Expression | None:
    return node.this.copy() if isinstance(node, exp.Filter) else None


def _first_of_union(node: exp.Expression) -> exp.Expression | None:
    return node.this.copy() if isinstance(node, exp.Union) and not node.args.get("with_") else None


def _second_of_union(node: exp.Expression) -> exp.Expression | None:
    return node.expression.copy() if isinstance(node, exp.Union) and not node.args.get("with_") else None


def _shorter_list(node: exp.Expression) -> exp.Expression | None:
    if not isinstance(node, exp.In) or len(node.expressions) < 2:
        return None
    node.set("expressions", node.expressions[1:])
    return node


def _no_coalesce(node: exp.Expression) -> exp.Expression | None:
    return node.this.copy() if isinstance(node, exp.Coalesce) else None


def _one_more(node: exp.Expression) -> exp.Expression | None:
    if (
        isinstance(node, exp.Literal)
        and not node.is_string
        and node.this.isdigit()
        and not isinstance(node.parent, exp.DataType)
    ):
        return exp.Literal.number(int(node.this) + 1)
    return None


def _other_boolean(node: exp.Expression) -> exp.Expression | None:
    # Where sorting puts nulls is no choice that anybody has written.
    if not isinstance(node, exp.Boolean) or isinstance(node.parent, exp.ArraySort):
        return None
    return exp.Boolean(this=not node.this)


def _no_branch(node: exp.Expression) -> exp.Expression | None:
    if not isinstance(node, exp.Case) or len(node.args["ifs"]) < 2:
        return None
    node.set("ifs", node.args["ifs"][1:])
    return node


CONCERNED = (
    exp.Join, exp.Not, exp.Is, exp.Select, exp.Filter, exp.Union, exp.In, exp.Coalesce, exp.Literal, exp.Boolean, exp.Case,
    *SWAPPED,
)  # fmt: skip
OPERATORS: dict[str, Change] = {
    "another join": _join,
    "the opposite": _swap,
    "only the left": _left,
    "only the right": _right,
    "not left out": _no_not,
    "not put in": _not_null,
    "no condition": _no_where,
    "no filter": _no_filter,
    "first part only": _first_of_union,
    "second part only": _second_of_union,
    "one value less": _shorter_list,
    "null left null": _no_coalesce,
    "one more": _one_more,
    "true for false": _other_boolean,
    "no first case": _no_branch,
}
