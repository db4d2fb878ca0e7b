"""Who may use the service: keys of programs, and people who sign in with a provider the operator trusts (OIDC).

A key is shown once, when it is made; kept is the SHA-256 of its 256 random bits, for which no slow hash is needed. A person is
known by the keyed form of issuer and address, so that the ledger does not say who it is.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from base.normalise import email as normal_email
from ledger import chain, keys, recipients, store
from ledger.store import LedgerRefused
from ledger.tables import Access

ROLES = ("user", "admin", "officer", "operator")
"""A recipient's people; who looks after its orders, too; ours who answer persons; ours who run the house."""
OURS = ("officer", "operator")
_KEY = re.compile(r"kohde_(a[0-9a-f]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True)
class Identity:
    """Who asks. recipient_id: whose data they may see; None for our own people. `label` is what people call it."""

    access_id: str
    role: str
    recipient_id: str | None
    label: str


def add_key(
    home: Path, role: str, label: str, *, recipient_id: str | None = None, expires_at: datetime | None = None, by_whom: str
) -> str:
    """Make a key; returns it, for the only time. expires_at: UTC without a zone. Raises LedgerRefused."""
    access_id, secret = _new_id(), secrets.token_urlsafe(32)
    key = f"kohde_{access_id}_{secret}"
    _add(home, access_id, role, label, recipient_id, by_whom, sha256=_digest(key), expires_at=expires_at)
    return key


def add_account(
    home: Path, role: str, label: str, issuer: str, email: str, *, recipient_id: str | None = None, by_whom: str
) -> str:
    """Let a person in who signs in at this issuer with this address; returns the access's id. Raises LedgerRefused."""
    address = normal_email(email).address
    if address is None:
        raise LedgerRefused("that is no e-mail address")
    access_id = _new_id()
    _add(home, access_id, role, label, recipient_id, by_whom, login=login(issuer, address))
    return access_id


def end(home: Path, access_id: str, *, by_whom: str) -> None:
    """Let nobody in by this access any more. Raises LedgerRefused when there is none."""
    with store.connect(home) as session:
        row = _newest(session, Access.access_id == access_id)
        if row is None:
            raise LedgerRefused(f"there is no access {access_id}")
        if row["state"] == "ended":
            # Once more would end whoever signs in the same way and was let in since.
            return
        kept = ("access_id", "role", "recipient_id", "label", "sha256", "login", "expires_at")
        ended = {name: row[name] for name in kept} | {"state": "ended", "added_at": chain.now(), "by_whom": by_whom}
        store.add(session, "access", {Access: [ended]})


def by_key(home: Path, key: str) -> Identity | None:
    """Whose key this is; None when it is nobody's, ended or expired."""
    told = _KEY.fullmatch(key)
    if told is None:
        return None
    with store.connect(home, write=False) as session:
        row = _newest(session, Access.access_id == told[1])
    if row is None or row["sha256"] is None or not hmac.compare_digest(row["sha256"], _digest(key)):
        return None
    return _identity(row)


def by_login(home: Path, issuer: str, email: str) -> Identity | None:
    """Whom an issuer's word of an address (verified by it) lets in; None when nobody has let them in, or no more."""
    address = normal_email(email).address
    if address is None:
        return None
    with store.connect(home, write=False) as session:
        return _identity(_newest(session, Access.login == login(issuer, address)))


def by_id(home: Path, access_id: str) -> Identity | None:
    """Who an access is, if it still lets anybody in."""
    with store.connect(home, write=False) as session:
        return _identity(_newest(session, Access.access_id == access_id))


def id_of(key: str) -> str | None:
    """The id that a key tells of itself, whether or not it opens anything; None for what is no key."""
    told = _KEY.fullmatch(key)
    return told[1] if told else None


def every(home: Path) -> list[dict[str, Any]]:
    """All accesses as they are now, without what proves them. added_at: when somebody was first let in by it."""
    ends = sa.select(
        sa.func.max(Access.access_row_id).label("newest"), sa.func.min(Access.added_at).label("added_at")
    ).group_by(Access.access_id).subquery()  # fmt: skip
    listed = sa.select(
        Access.access_id, Access.recipient_id, Access.role, Access.state, Access.label,
        sa.case((Access.login.is_(None), "key"), else_="account").label("kind"), Access.expires_at, ends.c.added_at,
    ).join(ends, Access.access_row_id == ends.c.newest)  # fmt: skip
    with store.connect(home, write=False) as session:
        return [dict(row) for row in session.execute(listed.order_by(ends.c.added_at)).mappings()]


def login(issuer: str, address: str) -> str:
    """What the ledger calls a person who signs in."""
    (made,) = keys.current().keyed([f"login|{issuer.rstrip('/')}|{address}"], "subject")
    assert made is not None
    return made


def _add(home: Path, access_id: str, role: str, label: str, recipient_id: str | None, by_whom: str, **proof: Any) -> None:
    if role not in ROLES:
        raise LedgerRefused(f"{role!r} is none of {', '.join(ROLES)}")
    if (role in OURS) != (recipient_id is None):
        raise LedgerRefused(f"a role of our own ({', '.join(OURS)}) has no recipient, every other has one")
    if not label.strip() or not by_whom.strip():
        raise LedgerRefused("say what to call it, and by whom it is added")
    if recipient_id is not None and recipient_id not in {one["recipient_id"] for one in recipients.every(home)}:
        raise LedgerRefused(f"there is no recipient {recipient_id!r}: `kohde recipient add` first")
    row = {
        "access_id": access_id, "recipient_id": recipient_id, "role": role, "state": "active", "label": label.strip(),
        "sha256": None, "login": None, "expires_at": None, "added_at": chain.now(), "by_whom": by_whom.strip(), **proof,
    }  # fmt: skip
    with store.connect(home) as session:
        known = _newest(session, Access.login == row["login"]) if row["login"] else None
        if known is not None and known["state"] == "active":
            raise LedgerRefused("that person has an access already: end it first")
        store.add(session, "access", {Access: [row]})


def _newest(session: sa.orm.Session, which: sa.ColumnElement[bool]) -> dict[str, Any] | None:
    listed = sa.select(*Access.__table__.c).where(which).order_by(Access.access_row_id.desc()).limit(1)
    found = session.execute(listed).mappings().one_or_none()
    return dict(found) if found else None


def _identity(row: dict[str, Any] | None) -> Identity | None:
    if row is None or row["state"] != "active" or (row["expires_at"] and row["expires_at"] <= chain.now()):
        return None
    return Identity(row["access_id"], row["role"], row["recipient_id"], row["label"] or row["access_id"])


def _new_id() -> str:
    return f"a{secrets.token_hex(6)}"


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
