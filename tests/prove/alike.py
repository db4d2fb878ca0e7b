"""Promise: an objection withholds whom it is of, and next to nobody who only looks like them.

Some hundreds object, by varying evidence, in a world where each has people around them who look alike: namesakes elsewhere,
relatives, colleagues at one switchboard. Who is who is known, because they were made so. What is withheld of somebody who is
not the objector is counted by kind; a person's decision that is waited for (gate REVIEW) apart.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path

from ledger import objections
from ledger.objections import Saying
from ledger.subjects import Told
from tests.prove import stories
from tests.prove.stories import Person, World

MOST = 0.005
"""The share of look-alikes that may be withheld."""
OF_OBJECTIONS = ("SAFETY", "ERASED", "OBJECTION_PERSON", "OBJECTION_ORGANISATION", "OBJECTION_CHANNEL")
NOT_TOLD_APART = {
    "of the same name at the same firm": "a name at one organisation is one person",
    "one of two with one mobile number": "a number of at most three is a person's",
}
"""Kinds that the rules take for the objector, and by which rule (docs/risks.md): counted, not held against the limit."""
LATE = "namesake elsewhere, first told later"


@dataclass(frozen=True)
class Like:
    """Somebody who is not the objector, though it might seem so. `value`: an address or number that nobody else has."""

    kind: str
    person: Person
    value: str


@dataclass(frozen=True)
class Around:
    """An objector, with an address or number of their own, what they told, and who is around them."""

    objector: Person
    own: str
    told: Told
    likes: list[Like]


def measured(folder: Path, objectors: int, seed: int) -> dict[str, Counter[str]]:
    """Kind of look-alike -> how many were asked for, pass, are withheld by an objection (`withheld`), or wait (`REVIEW`)."""
    world = stories.opened(folder, 12 * objectors, seed)
    every = [_around(world, number) for number in range(objectors)]
    likes = [like for one in every for like in one.likes]
    world.people = [one.objector for one in every] + [like.person for like in likes if like.kind != LATE]
    stories.land(world, world.people)
    world.round += 1
    said = datetime.combine(world.today, time(9))
    objections.add_all(
        world.home,
        [Saying(one.told, f"letter {number}", "a trial", received_at=said) for number, one in enumerate(every)],
    )
    stories.prove(world)
    world.round += 1
    late = [like.person for like in likes if like.kind == LATE]
    world.people += late
    stories.land(world, late)
    gates = dict(
        world.bare.db.execute("""
            select c.value, min_by(coalesce(a.gate, 'passes'), a.gate is null)
            from enriched.enr_gate_candidates as c
            left join main.gate_audit as a
                on c.person_id is not distinct from a.person_id and c.business_id = a.business_id and c.channel = a.channel
            group by c.value""").fetchall()
    )
    world.bare.close()
    through = [one.told for one in every if gates.get(one.own) in ("passes", "REVIEW")]
    assert not through, f"{len(through)} objectors pass: {through[0]}"
    found: dict[str, Counter[str]] = {}
    for like in likes:
        gate = gates.get(like.value, "no candidate")
        found.setdefault(like.kind, Counter())["withheld" if gate in OF_OBJECTIONS else gate] += 1
    return found


def share(found: dict[str, Counter[str]]) -> tuple[int, int]:
    """How many look-alikes are withheld that evidence could tell apart, and of how many."""
    counted = [counts for kind, counts in found.items() if kind not in NOT_TOLD_APART]
    return sum(counts["withheld"] for counts in counted), sum(counts.total() for counts in counted)


def _around(world: World, number: int) -> Around:
    """One objector of one of four ways of life, telling one of the things that they are known by."""
    way = number % 4
    first, last = stories.name(world.dice, number)
    email, phone = stories.address(number, 0)
    firm, born = world.free.pop(), date(1950 + number % 20, 1 + number % 12, 1 + number % 28)
    objector = Person(number, first, last, born, firm, email, phone)
    if way == 1:
        objector.phone = f"+3589{4_000_000 + number}"
    elif way == 2:
        objector.email = f"info@{_domain(email)}"
    elif way == 3:
        objector.is_in_register, objector.register_id = True, f"H{900_000_000_000 + 10 * number}"
    full = f"{first} {last}"
    evidence = [Told(name=full, business_id=firm), Told(phone=phone), Told(email=email), Told(name=full, domain=_domain(email))]
    if way == 1:  # the switchboard is the number they have
        evidence[1] = Told(name=full, business_id=firm, phone=objector.phone)
    elif way == 2:
        # A desk's mailbox alone is nobody's.
        evidence[2] = Told(name=full, email=objector.email)
    elif way == 3:
        evidence[3] = Told(name=full, birth_date=born)
    return Around(
        objector, phone if way == 2 else email, evidence[number // 4 % 4], list(_likes(world, objector, _domain(email), way))
    )


def _domain(email: str) -> str:
    return email.partition("@")[2]


def _likes(world: World, of: Person, domain: str, way: int) -> Iterator[Like]:
    """Who is around one objector, each with an address and number of their own unless it is what they share."""
    made = iter(range(1, 30))

    def like(kind: str, first: str = of.first, last: str = of.last, at: str | None = None, own: str = "email",
             **more: object) -> Like:  # fmt: skip
        number = next(made)
        email, phone = stories.address(of.number, number)
        person = Person(100_000 + 30 * of.number + number, first, last, of.born, at or world.free.pop(), email, phone)
        person = replace(person, **more)  # type: ignore[arg-type]
        value = person.email if own == "email" else person.phone
        assert value
        return Like(kind, person, value)

    def mailbox(first: str) -> str:
        return f"{first.lower()}.{of.number}@{domain}"

    yield like("namesake elsewhere")
    yield like(
        "of a name spelled alike, elsewhere", last=of.last.replace("ä", "a") if "ä" in of.last else of.last.replace("a", "aa")
    )
    yield like("of the same surname at the firm", "Ilmari", at=of.business_id, email=mailbox("ilmari"))
    yield like("of the same domain at another firm", "Tellervo", f"{of.last}lainen", email=mailbox("tellervo"))
    yield like(LATE)
    if way == 0:
        yield like("one of two with one mobile number", "Onerva", f"{of.last}kumppani", at=of.business_id, phone=of.phone)
    elif way in (1, 2):
        shared, own = ("phone", "email") if way == 1 else ("email", "phone")
        kind = "colleague at one switchboard" if way == 1 else "colleague at one info@ box"
        for place, first in enumerate(("Anton", "Berta", "Cecil", "Dora")):
            surname = f"{of.last}{'bdfg'[place]}a"
            yield like(kind, first, surname, at=of.business_id, own=own, **{shared: getattr(of, shared)})
    else:
        for place, kind in enumerate(("parent or child elsewhere, by date of birth", "of the same name at the same firm")):
            born = of.born.replace(year=of.born.year + 27 + 4 * place)
            number = f"H{900_000_000_000 + 10 * of.number + 1 + place}"
            yield like(kind, at=of.business_id if place else None, born=born, is_in_register=True, register_id=number)
