"""Short profiles of the proofs (`make prove` runs them long)."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.prove import gates, mutants, stories
from tests.test_gates import World, at_home, made_world  # noqa: F401 - the fixture

SNAPSHOT = Path(__file__).parent / "snapshots" / "gates.txt"
MUTANTS = 40


@pytest.mark.parametrize("seed", [int(os.environ.get("SEED", "7"))])
def test_nobody_who_objected_is_in_marketing(tmp_path: Path, seed: int) -> None:
    """Whatever happens to people in whatever order; and whoever said nothing is there, or nothing would be proven."""
    steps = stories.trial(tmp_path, 40, 2, seed, erase_every=2, deliver_every=1)
    assert steps["silent people shown"] >= 0.99 * steps["silent people asked for"] > 30
    assert steps["objects"] > 3 and steps["erased"] > 0 and steps["rows delivered"] > 20


@pytest.fixture(scope="module")
def trial(made_world: tuple[World, World]) -> Iterator[gates.Trial]:  # noqa: F811
    with at_home(made_world[1].home):
        made = gates.Trial(made_world[1])
        yield made
        made.bare.close()


def test_the_gates_do_what_was_reviewed_and_their_tests_notice_errors(trial: gates.Trial) -> None:
    """The outcome of a whole world as somebody has read it; a sample of small errors in the models is noticed, each."""
    text = "\n".join(trial.reviewed) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(text, encoding="utf-8")
    assert text == SNAPSHOT.read_text(encoding="utf-8")
    every = list(trial.mutants())
    outcomes = [trial.judge(mutant) for mutant in gates.sample(every, MUTANTS, seed=int(os.environ.get("SEED", "1")))]
    assert [f"{one.of}: {one.what}" for one in outcomes if not one.noticed and not gates.is_known(one)] == []
    assert gates.dead_reasons(every) == set(), "equivalent.csv tells of mutants that there are not"
    assert sum(bool(one.noticed) for one in outcomes) > MUTANTS / 2


def test_a_mutant_that_does_not_end_is_stopped(trial: gates.Trial) -> None:
    endless = mutants.Mutant("gate_audit", "endless", "select count(*) from range(1000000000000) where random() > 2")
    before, trial.seconds = trial.seconds, 0.5
    assert trial.judge(endless).noticed == "it does not end" and trial.noticed() is None
    trial.seconds = before


def test_nothing_is_marketed_from_a_source_that_may_not_be(trial: gates.Trial) -> None:
    """Whom a survey has told of, alone or beside the register, when surveys were made for something else."""
    count = """
        select count(*), count(*) filter (person_id in (select person_id from main.decision_makers where 'survey' in sources))
        from enriched.enr_gate_candidates"""
    ((_, before),) = trial.bare.db.execute(count).fetchall()
    trial.bare.db.execute("update reference.source_purposes set may_market = 'no' where source_name = 'survey'")
    trial.bare.run({"enr_gate_candidates"})
    ((rest, after),) = trial.bare.db.execute(count).fetchall()
    assert before > 100 and after == 0 and rest > 10


def test_a_mutant_is_one_small_error() -> None:
    sql = "select min(b) filter (where c) as d from t left join u on t.x = u.x and not u.y where z <= 3 or v is null"
    found = {one.what.split(":")[0] for one in mutants.mutants("m", sql)}
    assert found >= {"another join", "the opposite", "only the left", "not left out", "no condition", "no filter", "one more"}
    texts = [one.sql for one in mutants.mutants("m", sql)]
    assert len(texts) == len(set(texts)) and sql not in texts
