"""Promise: the tests of the gates notice every error in them.

The world of tests/test_gates.py is built once. Each mutant of each model of the gates then runs in its place, with what is made
of it, and the same tests look at the outcome. A mutant that none of them notices survives.
"""

import csv
import inspect
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import duckdb

from bench.bare import Bare
from tests import gate_people as people
from tests import test_gates as cases
from tests.prove import judging
from tests.prove.judging import Chosen, Outcome
from tests.prove.mutants import Mutant, mutants

VERDICTS, CANDIDATES, ADDRESSES = "enr_gate_verdicts", "enr_gate_candidates", "enr_address_keys"
MARTS = (
    "marketing_contacts",
    "marketing_organisations",
    "gate_audit",
    "maintenance_contacts",
    "review_queue",
    "recipient_objections",
)
# Tests that change the world, or look at what is published of it; and one that asks the ledger.
WRITES = {
    "test_what_passes_says_so_and_of_which_ledger",
    "test_an_objection_learns_the_keys_of_whom_it_hit",
    "test_the_review_is_listed_and_a_person_decides",
    "test_the_marketing_file_holds_what_passed_and_nothing_else",
    "test_what_lands_after_the_build_counts_in_the_next_publication",
}
HERE = Path(__file__).parent
with (HERE / "equivalent.csv").open(encoding="utf-8", newline="") as _file:
    EQUIVALENT = {(row["model"], row["what"]): row["reason"] for row in csv.DictReader(_file, delimiter=";")}
"""Changes that mean nothing, each with its reason."""


LONGER = 3
"""A mutant that takes so many times as long as all models and all tests of them does not end."""


class Trial:
    """The world of the gates' tests, ready to be judged again and again."""

    def __init__(self, world: cases.World) -> None:
        """Compile the models on the world's lake; ten seconds."""
        self.world, self.bare = world, Bare(world.home)
        # The tests ask the warehouse that is open here.
        cases.ask = lambda home, sql: self.bare.db.execute(sql).fetchall()
        self.models = {
            node["name"]: node["compiled_code"]
            for node in self.bare.nodes.values()
            if "50_gate" in node["original_file_path"] or node["name"] in MARTS
        }
        self._hold_still()
        started = time.monotonic()
        self.bare.run(self.models.keys())
        self.bare.db.execute("drop schema if exists reviewed cascade; create schema reviewed")
        for model in self.models:
            self.bare.db.execute(f"create table reviewed.{model} as from {self.bare.named(model)}")
        self.reviewed = picture(world)
        assert self._without_ledger(self.models[VERDICTS]) == self._without_survey(self.models[CANDIDATES]) == 0
        if (told := self.noticed()) is not None:
            raise AssertionError(f"the models themselves do not pass: {told}")
        self.seconds = LONGER * (time.monotonic() - started)

    def _hold_still(self) -> None:
        """Views that the models read, of files and the ledger, become tables: they would be read anew for each mutant."""
        wanted = {
            one for node in self.bare.nodes.values() if node["name"] in self.models for one in node["depends_on"]["nodes"]
        }
        for node in self.bare.nodes.values():
            is_read = node["unique_id"] in wanted and node["name"] not in self.models
            if is_read and node["config"]["materialized"] == "view":
                view = self.bare.named(node["name"])
                self.bare.run({node["name"]})  # of this lake, if it is the copy of another
                self.bare.db.execute(f"create or replace temp table held as from {view}")
                self.bare.db.execute(f"drop view {view}; create table {view} as from held")

    def mutants(self, of: str | None = None) -> Iterator[Mutant]:
        """All mutants of all models of the gates, or of one."""
        for model, sql in sorted(self.models.items()):
            if of in (None, model):
                yield from mutants(model, sql)

    def judge(self, mutant: Mutant) -> Outcome:
        """Run a mutant with what is made of it, let the tests look, and take it all back."""
        self.bare.db.execute("begin")
        try:
            with self._within(self.seconds):
                noticed = self._judged(mutant)
        except duckdb.InterruptException:
            noticed = "it does not end"
        except duckdb.Error:
            noticed = judging.BROKEN
        finally:
            self.bare.db.execute("rollback")
        return Outcome(mutant.model, mutant.what, noticed)

    def _judged(self, mutant: Mutant) -> str | None:
        if mutant.model == VERDICTS and self._without_ledger(mutant.sql):
            return "nobody passes without a ledger"
        if mutant.model == CANDIDATES and self._without_survey(mutant.sql):
            return "nothing is handed out of a source that may not be used"
        if mutant.model == ADDRESSES and not self._with_addresses_alone(mutant.sql):
            return "an objection against an address is enough"
        if self._is_same(mutant.model, f"({mutant.sql})"):
            return None
        other = {mutant.model}
        self.bare.run(other, {mutant.model: mutant.sql})
        for node in map(self.bare.nodes.__getitem__, self.bare.order):
            parents = {self.bare.nodes[one]["name"] for one in node["depends_on"]["nodes"] if one in self.bare.nodes}
            # What is made of nothing new stays as it is.
            if node["name"] in self.models and parents & other:
                self.bare.run({node["name"]})
                if not self._is_same(node["name"], self.bare.named(node["name"])):
                    other.add(node["name"])
        return self.noticed()

    @contextmanager
    def _within(self, seconds: float) -> Iterator[None]:
        """Interrupt the database when the time is over, and again until it is heard: between two queries it would not be."""
        done = threading.Event()

        def watch() -> None:
            pause = seconds
            while not done.wait(pause):
                self.bare.db.interrupt()
                pause = 0.2

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            yield
        finally:
            done.set()
            watching.join()

    def _is_same(self, model: str, made: str) -> bool:
        """Whether a model still makes the same rows: then nothing that is made of it can tell."""
        self.bare.db.execute(f"create or replace temp table made as from {made}")
        reviewed = f"reviewed.{model}"
        different = f"(from made except all from {reviewed}) union all (from {reviewed} except all from made)"
        return self.bare.db.execute(f"select count(*) from ({different})").fetchall() == [(0,)]

    def _without_ledger(self, sql: str) -> int:
        """How many candidates a model of the verdicts lets past a gate of objections when nothing is known of the ledger."""
        head = '"warehouse"."enriched"."enr_gate_head"'
        asked = ["SAFETY", "ERASED", "OBJECTION_PERSON", "OBJECTION_ORGANISATION", "OBJECTION_CHANNEL", "REVIEW"]
        past = f"list_has_any(passed_gates, {asked})"
        text = sql.replace(head, f"(select * from {head} where false)")
        ((count,),) = self.bare.db.execute(f"select count(*) from ({text}) where {past}").fetchall()
        return int(count)

    def _without_survey(self, sql: str) -> int:
        """How many candidates a model of them has that only surveys, associations and the extract tell of, when none may be
        used."""
        purposes = '"warehouse"."reference"."source_purposes"'
        told = "if(source_name in ('survey', 'associations', 'ytj_extract'), 'no', may_market)"
        text = sql.replace(purposes, f"(select * replace ({told} as may_market) from {purposes})")
        ((count,),) = self.bare.db.execute(f"""
            select count(*) from ({text}) as made
            left join main.decision_makers as known using (person_id, business_id)
            where list_contains(known.sources, 'survey') or (made.person_id is null and made.channel <> 'post')""").fetchall()
        return int(count)

    def _with_addresses_alone(self, sql: str) -> int:
        """How many keys a model of addresses makes when nobody has objected to anything else."""
        objections = '"warehouse"."enriched"."enr_objections"'
        text = sql.replace(objections, f"(select * from {objections} where scope = 'address')")
        ((count,),) = self.bare.db.execute(f"select count(*) from ({text})").fetchall()
        return int(count)

    def noticed(self) -> str | None:
        """The first test that fails; None when all pass."""
        if picture(self.world) != self.reviewed:
            return "the world as reviewed (tests/snapshots/gates.txt)"
        for name, check in _checks(self.world):
            try:
                check()
            except (AssertionError, KeyError, ValueError):
                return name
        return None


def _checks(world: cases.World) -> Iterator[tuple[str, Callable[[], None]]]:
    for name, case in vars(cases).items():
        if name.startswith("test_") and list(inspect.signature(case).parameters) == ["world"] and name not in WRITES:
            yield name, partial(case, world)
    for gate in people.TWINS:
        yield f"gate {gate}", partial(cases.test_a_gate_withholds_and_a_twin_passes, world, gate)
    for said in people.SAYINGS:
        yield f"saying {said.what}", partial(cases.test_an_objection_hits_whom_it_means_and_nobody_else, world, said)


def sample(every: list[Mutant], size: int, seed: int) -> list[Mutant]:
    """Some of the mutants, the same for the same seed."""
    return random.Random(seed).sample(every, min(size, len(every)))


def is_known(outcome: Outcome) -> bool:
    """Whether it is written down that the change means nothing."""
    return (outcome.of, outcome.what) in EQUIVALENT


def run(chosen: Chosen) -> Iterator[Outcome]:
    """Judge mutants, in this process. Raises ValueError for a reason given of a mutant that there is not."""
    trial = Trial(cases.make(chosen.scratch / "lake"))
    every = list(trial.mutants(chosen.of))
    if dead := dead_reasons(every, chosen.of):
        raise ValueError(f"equivalent.csv tells of mutants that there are not: {dead}")
    yield from judging.judged(chosen, chosen.some(every), lambda mutant: mutant.sql, trial.judge)
    trial.bare.close()


def dead_reasons(every: list[Mutant], of: str | None = None) -> set[tuple[str, str]]:
    """The reasons written down of mutants that are none (any more)."""
    return {one for one in EQUIVALENT if of in (None, one[0])} - {(mutant.model, mutant.what) for mutant in every}


def picture(world: cases.World) -> list[str]:
    """The outcome of the whole world in lines to be read: every candidate with its gate and what closed it, what is kept for
    maintenance, which organisations may be shown, what recipients are told, what objections have learnt."""
    said = {number: what for what, number in world.numbers.items()}
    firms = {identifier: firm for firm, identifier in people.FIRMS.items()} | {people.CLUB: "club"}

    def lines(title: str, sql: str) -> Iterator[str]:
        yield f"## {title}"
        told = [
            " | ".join("-" if value is None else firms.get(str(value), str(value)) for value in row)
            for row in cases.ask(world.home, f"{cases.NAMED} {sql}")
        ]
        yield from sorted(told)

    cases.ask(world.home, "create or replace temp table sayings (objection_id bigint, what varchar)")
    for number, what in said.items():
        cases.ask(world.home, f"insert into sayings values ({number}, '{what.replace(chr(39), '')}')")
    race = "select business_id from organisations where name like 'Race%'"
    plain = f"coalesce(named.name, '') not like 'Kilpa%' and c.business_id not in ({race})"
    return [
        *lines("candidates: name, firm, channel, value, kind, names, title, language, areas, verified, gate, saying, key", f"""
            select named.name, c.business_id, c.channel, c.value, c.subject_kind, c.first_name, c.last_name, c.title,
                c.language, c.area_codes::varchar, c.verified_on, coalesce(a.gate, 'passes'), sayings.what, a.closed_by
            from enriched.enr_gate_candidates as c left join named using (person_id)
            left join gate_audit as a
                on c.person_id is not distinct from a.person_id and c.business_id = a.business_id and c.channel = a.channel
            left join sayings on a.objection_id = sayings.objection_id
            where {plain}"""),
        *lines("marketing contacts: name, firm, channel, value, first name, last name, gates passed", f"""
            select named.name, c.business_id, c.channel, c.value, c.first_name, c.last_name, len(c.passed_gates)
            from marketing_contacts as c left join named using (person_id) where {plain}"""),
        *lines("maintenance: name, firm, channel, value, restriction", f"""
            select named.name, c.business_id, c.channel, c.value, c.restriction
            from maintenance_contacts as c left join named using (person_id) where {plain}"""),
        *lines("organisations for marketing", f"""
            select c.* exclude (last_changed_on)  -- a correction is made today, whatever the day of the world
            from marketing_organisations as c left join (select null as name) as named on true where {plain}"""),
        *lines("of recipients", """
            select r.recipient_id, named.name, r.channel
            from restricted.recipient_objections as r left join named using (person_id)"""),
        *lines("waiting for a person", """
            select sayings.what, named.name, q.business_id, q.why
            from restricted.review_queue as q left join named using (person_id) left join sayings using (objection_id)"""),
        *lines("whom objections hit: saying, name, by which keys", """
            select sayings.what, named.name, h.key_kind
            from enriched.enr_objected_persons as h left join named using (person_id)
            left join sayings using (objection_id)"""),
        *lines("further gates of who does not pass", """
            select named.name, c.business_id, c.channel,
                list_filter(every.gates, lambda gate: not list_contains(c.passed_gates, gate) and gate <> c.gate)::varchar
            from enriched.enr_gate_verdicts as c left join named using (person_id)
            cross join (select any_value(passed_gates) as gates from marketing_contacts) as every
            where len(c.passed_gates) < len(every.gates) - 1 and """ + plain),
        *lines("keys: name or firm, of each kind how many and how many at most share one", f"""
            select c.name, c.business_id, string_agg(c.kind || ' ' || c.keys || '/' || c.most, ', ' order by c.kind)
            from (
                select named.name, person_id, if(person_id is null, business_id, '') as business_id, kind,
                    count(distinct key) as keys, max(holders) as most
                from enriched.enr_subject_keys left join named using (person_id)
                group by all) as c
            left join (select null as name) as named on true
            where coalesce(c.name, '') not like 'Kilpa%' and {plain}
            group by c.name, c.person_id, c.business_id"""),
        *lines("keys of mentions", "select kind, count(*), count(distinct key) from enriched.enr_mention_keys group by all"),
        *lines("what objections have learnt: saying, kind, how many keys", """
            select sayings.what, kind, count(*)
            from enriched.enr_objection_closure left join named on false
            left join sayings using (objection_id) group by all"""),
    ]  # fmt: skip


if __name__ == "__main__":
    os.environ |= {"KOHDE_SECRET": "5e" * 32, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    judging.main(run)
