"""The laws of joining ties with a veto."""

import random

from hypothesis import given
from hypothesis import strategies as st

from base.clusters import cluster

NODES = "abcdefgh"
TIES = st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES), st.sampled_from([20, 50, 90, 100])), max_size=20)
MARKS = st.dictionaries(
    st.sampled_from(NODES), st.tuples(st.sampled_from([None, "1", "2", "3"]), st.sampled_from([None, "x", "y"]))
)
APART = st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)).filter(lambda pair: pair[0] != pair[1]), max_size=5)


def test_a_chain_is_one_and_is_called_by_its_first() -> None:
    assert cluster([("c", "b", 50), ("b", "a", 20), ("x", "y", 50)], {}) == {"a": "a", "b": "a", "c": "a", "x": "x", "y": "x"}


def test_a_contradiction_is_cut_at_its_weakest_tie() -> None:
    marks = {"a": ("1", None), "d": ("2", None)}
    found = cluster([("a", "b", 50), ("b", "c", 20), ("c", "d", 50)], marks)
    assert found == {"a": "a", "b": "a", "c": "c", "d": "c"}
    found = cluster([("a", "b", 20), ("b", "c", 50), ("c", "d", 50)], marks)
    assert found == {"a": "a", "b": "b", "c": "b", "d": "b"}


def test_a_judgement_is_believed_against_marks_and_then_either_mark_counts() -> None:
    marks = {"a": ("1", None), "b": ("2", None), "c": ("2", None), "d": ("3", None)}
    found = cluster([("a", "b", 100), ("b", "c", 50), ("a", "d", 50)], marks)
    assert found == {"a": "a", "b": "a", "c": "a", "d": "d"}


def test_what_is_judged_apart_is_never_joined_through_others() -> None:
    found = cluster([("a", "b", 90), ("b", "c", 90), ("a", "c", 100)], {}, [("b", "c")])
    assert found == {"a": "a", "b": "b", "c": "a"}


@given(TIES, MARKS, APART, st.randoms(use_true_random=False))
def test_the_order_in_which_things_become_known_does_not_matter(
    ties: list[tuple[str, str, int]],
    marks: dict[str, tuple[str | None, str | None]],
    apart: list[tuple[str, str]],
    chance: random.Random,
) -> None:
    found = cluster(ties, marks, apart)
    chance.shuffle(ties)
    chance.shuffle(apart)
    assert cluster(ties, marks, [(b, a) for a, b in apart]) == found


@given(TIES, MARKS, APART)
def test_no_cluster_contradicts_itself_and_none_is_joined_without_a_tie(
    ties: list[tuple[str, str, int]], marks: dict[str, tuple[str | None, str | None]], apart: list[tuple[str, str]]
) -> None:
    found = cluster(ties, marks, apart)
    assert found.keys() == {node for tie in ties for node in tie[:2]}
    members: dict[str, set[str]] = {}
    for node, name in found.items():
        members.setdefault(name, set()).add(node)
    judged = {frozenset(tie[:2]) for tie in ties if tie[2] == 100}
    for name, nodes in members.items():
        assert name == min(nodes)
        assert not any(a in nodes and b in nodes for a, b in apart)
        if not any(pair <= nodes for pair in judged):
            for kind in (0, 1):
                assert len({marks[node][kind] for node in nodes if node in marks} - {None}) <= 1
        joined = {min(nodes)}
        while more := {n for a, b, _ in ties if {a, b} <= nodes for n in (a, b) if {a, b} & joined} - joined:
            joined |= more
        assert joined == nodes
