"""Who is one with whom: ties joined from the strongest to the weakest, leaving out each that would join what cannot be one.

The result depends on the ties alone, not on when or in what order they became known.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

Node = TypeVar("Node", str, int)
Marks = Sequence[str | None]
"""What identifies a node, kind by kind (a register's number, a date of birth); None where it is not known."""


def cluster(
    ties: Iterable[tuple[Node, Node, int]],
    marks: Mapping[Node, Marks],
    apart: Iterable[tuple[Node, Node]] = (),
    certain: int = 100,
) -> dict[Node, Node]:
    """node -> the smallest node of its cluster, for every node of a tie.

    ties: two nodes and a strength, in any order. marks: two nodes whose marks of one kind are both known and differ are never
    joined, neither directly nor through others. apart: pairs that are never joined either, whatever ties them. A tie of at
    least `certain` strength is believed against differing marks; then either mark counts for both.
    """
    parent: dict[Node, Node] = {}
    known: dict[Node, tuple[frozenset[str], ...]] = {}
    enemies: dict[Node, set[Node]] = {}

    def root(node: Node) -> Node:
        while (above := parent[node]) != node:
            parent[node] = node = parent[above]
        return node

    ordered = sorted(ties, key=lambda tie: (-tie[2], tie[0], tie[1]))
    for one, other, _ in ordered:
        for node in (one, other):
            if node not in parent:
                parent[node] = node
                if node in marks:
                    known[node] = tuple(frozenset() if mark is None else frozenset([mark]) for mark in marks[node])
    for one, other in apart:
        if one in parent and other in parent:
            enemies.setdefault(one, set()).add(other)
            enemies.setdefault(other, set()).add(one)

    for one, other, strength in ordered:
        # The smaller becomes the root, so that a cluster's name does not depend on the way it grew.
        first, second = sorted((root(one), root(other)))
        if first == second or second in enemies.get(first, ()):
            continue
        if strength < certain and first in known and second in known and _contradict(known[first], known[second]):
            continue
        parent[second] = first
        if second in known:
            theirs = known.pop(second)
            known[first] = tuple(map(frozenset.union, known[first], theirs)) if first in known else theirs
        for enemy in enemies.pop(second, ()):
            enemies[enemy].discard(second)
            enemies[enemy].add(first)
            enemies.setdefault(first, set()).add(enemy)
    return {node: root(node) for node in parent}


def _contradict(one: tuple[frozenset[str], ...], other: tuple[frozenset[str], ...]) -> bool:
    return any(a and b and a.isdisjoint(b) for a, b in zip(one, other, strict=True))
