"""Objections: what somebody has forbidden, how it ends, and what is known of whom it is about. Never the clear text of it.

An objection is kept as keys (ledger/subjects.py) from the moment it is told: it outlives the erasure of the person, another
import of the same file, a new e-mail and a new employer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ledger import chain, keys, store, subjects
from ledger.store import LedgerRefused
from ledger.subjects import Told
from ledger.tables import Objection, ObjectionKey, Review, Revocation

KINDS = ("objection", "erasure", "safety", "restriction")
SCOPES = tuple(subjects.BY_SCOPE)
PURPOSES = ("marketing", "survey", "profiling", "all")
CHANNELS = ("email", "phone", "post")
ORIGINS = ("person", "organisation", "customer", "registry", "list")
VERDICTS = ("same", "not_same")
GONE = ("erasure", "safety")


@dataclass(frozen=True)
class Saying:
    """One objection as somebody has told it.

    evidence: where it is kept (a letter's number, a file and its row), never what it says. party: who told it, where that is
    not the person: a customer, a register, a list; only the same party can end it. received_at: UTC; now by default, and never
    later than now. reference: what makes it the same when it is told again, if that is not evidence and person.
    """

    told: Told
    evidence: str
    by_whom: str
    kind: str = "objection"
    scope: str = "person"
    purpose: str = "marketing"
    channel: str | None = None
    recipient: str | None = None
    origin: str = "person"
    party: str | None = None
    received_at: datetime | None = None
    extra_keys: Sequence[tuple[str, str]] = ()
    reference: str | None = None


def add(
    home: Path, told: Told, *, evidence: str, by_whom: str, kind: str = "objection", scope: str = "person",
    purpose: str = "marketing", channel: str | None = None, recipient: str | None = None, origin: str = "person",
    party: str | None = None, received_at: datetime | None = None, extra_keys: Sequence[tuple[str, str]] = (),
) -> int:  # fmt: skip
    """Write down one objection (Saying); it counts at once. Returns its number, that of the first when it was told before.

    Raises LedgerRefused for one without sense, one that nobody could be found by, one that was revoked since.
    """
    made = (kind, scope, purpose, channel, recipient, origin, party, received_at, tuple(extra_keys))
    return say(home, Saying(told, evidence, by_whom, *made))


def say(home: Path, saying: Saying) -> int:
    """As add. What was revoked does not come back by the same evidence: whoever says no again has said it elsewhere."""
    with store.connect(home) as session:
        (number,) = _add(session, [saying])
        if session.execute(sa.select(Revocation.revocation_id).where(Revocation.objection_id == number)).first():
            raise LedgerRefused(
                f"this was told before as objection {number}, which was revoked: a new no needs the evidence of its own"
            )
        return number


def add_all(home: Path, sayings: Sequence[Saying]) -> int:
    """Write down many in one go, all or none; returns how many were new. The same evidence counts once."""
    if not sayings:
        return 0
    with store.connect(home) as session:
        before = chain.next_number(session, Objection)
        _add(session, sayings)
        return chain.next_number(session, Objection) - before


def add_all_numbered(home: Path, sayings: Sequence[Saying]) -> list[int]:
    """As add_all; returns the objection's number of each, that of the first where it was told before."""
    with store.connect(home) as session:
        return _add(session, sayings)


def fault(saying: Saying, pairs: Sequence[tuple[str, str]] | None = None) -> str | None:
    """Why an objection cannot be written down, in words; None when it can. Raises keys.SecretMissing.

    pairs: the keys of what is told, if they are made already.
    """
    chosen = [(saying.kind, KINDS), (saying.scope, SCOPES), (saying.purpose, PURPOSES), (saying.origin, ORIGINS)]
    if saying.channel is not None:
        chosen.append((saying.channel, CHANNELS))
    for value, known in chosen:
        if value not in known:
            return f"{value!r} is none of {', '.join(known)}"
    if not saying.by_whom.strip() or not saying.evidence.strip():
        return "say by whom and where it is kept: an objection without them cannot be checked later"
    if "@" in saying.evidence:
        return "the evidence is a reference to what was said, not what was said"
    if saying.origin in ("customer", "registry", "list") and not saying.party:
        return f"say which {saying.origin} told it: only the same one can end it"
    # Extra keys are of whom the told ones hit: alone they would be of nobody who has said anything.
    pairs = subjects.keys(saying.told, saying.scope) if pairs is None else pairs
    return None if subjects.strong(pairs) else _NOBODY[saying.scope]


_NOBODY = {
    "person": "nobody can be found by this: an e-mail, a telephone number, or a name with a business id, birth date or domain",
    "organisation": "no organisation can be found by this: a business id with its right check digit",
    "domain": "no domain can be found by this: one of an organisation's own, not one that gives addresses to anybody",
    "phone": "no telephone number can be found by this",
    "email": "no e-mail address can be found by this",
    "address": "no address can be found by this: a street with its number or a box, and the postcode",
}


def _add(session: Session, sayings: Sequence[Saying]) -> list[int]:
    """Numbers of the objections, new or known."""
    secret = keys.current()
    texts = [subjects.texts(saying.told) for saying in sayings]
    # A scope that there is not has no keys, and fault says so.
    told = [
        subjects.keys_of_texts(made, saying.told, saying.scope, secret) if saying.scope in SCOPES else []
        for made, saying in zip(texts, sayings, strict=True)
    ]
    for saying, pairs in zip(sayings, told, strict=True):
        if said := fault(saying, pairs):
            raise LedgerRefused(said)
    references = _references(sayings, texts, secret)
    listed = sa.select(Objection.reference, Objection.objection_id)
    known = dict(session.execute(listed).tuples().all())
    number, moment = chain.next_number(session, Objection), chain.now()
    numbers: list[int] = []
    rows: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for saying, pairs, reference in zip(sayings, told, references, strict=True):
        if reference not in known:
            known[reference] = number + len(rows)
            rows.append(_row(saying, reference, known[reference], moment))
            found += _keys(saying, pairs, known[reference])
        numbers.append(known[reference])
    if rows:
        store.add(session, "objection", {Objection: rows, ObjectionKey: found})
    return numbers


def _row(saying: Saying, reference: str, number: int, moment: datetime) -> dict[str, Any]:
    return {
        "objection_id": number,
        "kind": saying.kind,
        "scope": saying.scope,
        "purpose": saying.purpose,
        "channel": saying.channel,
        "recipient_id": saying.recipient,
        "origin": saying.origin,
        "party": party_key(saying.party),
        "reference": reference,
        # A moment to come (a slip, another clock) must not let anything leave until then.
        "received_at": min(saying.received_at or moment, moment),
        "effective_at": min(saying.received_at or moment, moment),
        "evidence": saying.evidence.strip(),
        "by_whom": saying.by_whom.strip(),
    }


def _keys(saying: Saying, told: list[tuple[str, str]], number: int) -> list[dict[str, Any]]:
    extra = [pair for pair in saying.extra_keys if pair not in set(told)]
    return [
        {"objection_id": number, "kind": kind, "key": key, "absorbed": absorbed}
        for pairs, absorbed in ((told, False), (extra, True))
        for kind, key in dict.fromkeys(pairs)
    ]


def _references(sayings: Sequence[Saying], told: list[list[tuple[str, str]]], secret: keys.Key) -> list[str]:
    """Keys of what was told and where it is kept: the same letter on the same person is the same objection."""
    texts = []
    for saying, made_of in zip(sayings, told, strict=True):
        if saying.reference is not None:
            texts.append(f"reference|{saying.reference}")
            continue
        # Of texts, not of keys: a rotation changes these.
        whom = [f"{kind}|{text}" for kind, text in sorted(made_of)]
        about = [saying.origin, saying.kind, saying.scope, saying.purpose, saying.channel or "", saying.recipient or ""]
        texts.append("|".join(["evidence", *about, saying.evidence.strip(), saying.told.person_id or "", *whom]))
    return [key or "" for key in secret.keyed(texts, "subject")]


def untold(home: Path, references: Sequence[str]) -> list[str]:
    """Those references (Saying.reference) under which no objection was written down yet, in their order."""
    if not references:
        return []
    with store.connect(home, write=False) as session:
        store.check_key(session)
        known = set(session.execute(sa.select(Objection.reference)).scalars())
    made = keys.keyed([f"reference|{reference}" for reference in references], "subject")
    return [reference for reference, key in zip(references, made, strict=True) if key not in known]


def party_key(party: str | None) -> str | None:
    """The key of who told an objection."""
    return keys.keyed([f"party|{party.strip().lower()}" if party else None], "subject")[0]


def absorb(home: Path, pairs: Iterable[tuple[int, str, str]]) -> int:
    """Give objections further keys of the same person (objection_id, kind, key); returns how many were new.

    So a person is known by an address that only a later build has found, and looked for by a name (weak keys) when nothing else
    is left of them. Unknown objections are passed over.
    """
    wanted = set(pairs)
    if not wanted:
        return 0
    with store.connect(home) as session:
        there = set(session.execute(sa.select(Objection.objection_id)).scalars())
        known = set(session.execute(sa.select(ObjectionKey.objection_id, ObjectionKey.kind, ObjectionKey.key)).tuples())
        new = [
            {"objection_id": number, "kind": kind, "key": key, "absorbed": True}
            for number, kind, key in sorted(wanted - known)
            if number in there
        ]
        if new:
            store.add(session, "absorbed", {ObjectionKey: new})
    return len(new)


def revoke(
    home: Path,
    objection_id: int,
    *,
    origin: str,
    told: Told | None = None,
    party: str | None = None,
    evidence: str,
    by_whom: str,
) -> int:
    """End an objection, said by who had made it: the person (told: something it was known by) or the party by its name.

    Returns the revocation's number. Raises LedgerRefused when it was somebody else's, is not there or has ended.
    """
    store.told(by_whom, evidence)
    with store.connect(home) as session:
        objection = session.get(Objection, objection_id)
        if objection is None:
            raise LedgerRefused(f"there is no objection {objection_id}")
        if session.execute(sa.select(Revocation.revocation_id).where(Revocation.objection_id == objection_id)).first():
            raise LedgerRefused(f"objection {objection_id} has been revoked already")
        by = _same_party(session, objection, told, party) if origin == objection.origin else None
        if by is None:
            raise LedgerRefused(f"objection {objection_id} can only be revoked by who made it")
        row: dict[str, Any] = {
            "objection_id": objection_id, "party": by, "revoked_at": chain.now(),
            "evidence": evidence.strip(), "by_whom": by_whom.strip(),
        }  # fmt: skip
        store.add(session, "revocation", {Revocation: [row]})
        return int(row["revocation_id"])


def _same_party(session: Session, objection: Objection, told: Told | None, party: str | None) -> str | None:
    """The key by which a revoking party is the one that objected; None when it is another."""
    if objection.party:
        return objection.party if party_key(party) == objection.party else None
    own = sa.select(ObjectionKey.kind, ObjectionKey.key).where(
        ObjectionKey.objection_id == objection.objection_id, ObjectionKey.absorbed.is_(False)
    )
    of_party = set(subjects.strong(subjects.keys(told, objection.scope))) if told else set()
    return next((key for kind, key in session.execute(own).tuples() if (kind, key) in of_party), None)


def review(home: Path, objection_id: int, person_id: str, verdict: str, *, by_whom: str, reason: str) -> int:
    """Decide whether a person who looks like an objector is one (same, not_same); the last decision counts.

    Returns the decision's number. Raises LedgerRefused.
    """
    if verdict not in VERDICTS:
        raise LedgerRefused(f"{verdict!r} is no verdict; there is {', '.join(VERDICTS)}")
    row: dict[str, Any] = {"objection_id": objection_id, "person_id": person_id, "verdict": verdict, "decided_at": chain.now()}
    row |= store.told(by_whom, reason)
    with store.connect(home) as session:
        if session.get(Objection, objection_id) is None:
            raise LedgerRefused(f"there is no objection {objection_id}")
        store.add(session, "review", {Review: [row]})
    return int(row["review_id"])


def reviews(home: Path) -> list[dict[str, Any]]:
    """All decisions on persons who look like objectors, oldest first."""
    return store.rows(home, Review)


def every(home: Path) -> list[dict[str, Any]]:
    """All objections, oldest first, each with revoked_at (null while it counts)."""
    ends = sa.select(Revocation.objection_id, sa.func.min(Revocation.revoked_at).label("revoked_at")).group_by(
        Revocation.objection_id
    ).subquery()  # fmt: skip
    listed = sa.select(*Objection.__table__.c, ends.c.revoked_at).outerjoin(ends, ends.c.objection_id == Objection.objection_id)
    with store.connect(home, write=False) as session:
        return [dict(row) for row in session.execute(listed.order_by(Objection.objection_id)).mappings()]


def erased_keys(home: Path) -> set[str]:
    """Strong keys of all who were erased or must not be found (safety): what a landing has to leave out."""
    standing = (
        sa.select(ObjectionKey.key)
        .join(Objection, Objection.objection_id == ObjectionKey.objection_id)
        .outerjoin(Revocation, Revocation.objection_id == Objection.objection_id)
        .where(Objection.kind.in_(GONE), ObjectionKey.kind.not_in(subjects.WEAK), Revocation.revocation_id.is_(None))
    )
    with store.connect(home, write=False) as session:
        return set(session.execute(standing).scalars())
