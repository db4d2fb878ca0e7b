"""Laws of keys and of the chain, over made-up names, secrets and every single change."""

import os
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from base.normalise import name_keys
from ledger import chain, keys, objections, rotation, store, subjects, tables
from ledger.subjects import Told
from tests.ledgers import tamper
from tests.test_ledger import filled

LETTERS = "aeouyshznktzäöåøæüßšžœþ "
NAMES = st.text(LETTERS, min_size=1, max_size=14).filter(str.strip)
RESPELLED = {
    "ä": ["a", "ae"], "ö": ["o", "oe"], "å": ["a", "aa", "o"], "ø": ["o", "oe"], "æ": ["a", "ae", "e"],
    "ü": ["u", "ue", "y"], "ß": ["ss", "s"], "š": ["s", "sh"], "ž": ["z", "zh"], "œ": ["o", "oe"], "þ": ["th", "t"],
}  # fmt: skip
SECRETS = st.binary(min_size=32, max_size=40)


@st.composite
def two_spellings(draw: st.DrawFn) -> tuple[str, str]:
    """A name, and the same with some of its letters written another way: a way throughout."""
    name = draw(NAMES)
    ways = {letter: draw(st.sampled_from([letter, *RESPELLED[letter]])) for letter in sorted(set(name) & RESPELLED.keys())}
    return name, "".join(ways.get(letter, letter) for letter in name)


@settings(max_examples=400, deadline=None)
@given(two_spellings())
@example(("Åberg Saarinen", "Oberg Saarinen"))
@example(("Mäkinen", "Maekinen"))
@example(("A\u030ake", "Oke"))
def test_the_reduced_side_of_the_data_loses_no_spelling(names: tuple[str, str]) -> None:
    for promised, told in (names, names[::-1]):
        if name_keys(promised) & name_keys(told):
            assert subjects.promised_name_keys(promised) & subjects.data_name_keys(told), (promised, told)


@settings(max_examples=300, deadline=None)
@given(NAMES, NAMES)
def test_what_meets_in_full_meets_reduced(promised: str, told: str) -> None:
    if name_keys(promised) & name_keys(told):
        assert subjects.promised_name_keys(promised) & subjects.data_name_keys(told)


KINDS = sorted({kind for kinds in subjects.BY_SCOPE.values() for kind in kinds})


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(KINDS), st.sampled_from(KINDS), st.text(max_size=8), st.text(max_size=8))
def test_kinds_never_meet(one: str, other: str, text: str, further: str) -> None:
    """Also where the text of one looks like another kind's: no kind has the bar in it that parts kind and text."""
    made = keys.Key(1, bytes(32)).keyed([f"{one}|{text}", f"{other}|{further}"], "subject")
    assert (made[0] == made[1]) == ((one, text) == (other, further)) and "|" not in one + other


@settings(max_examples=100, deadline=None)
@given(st.lists(SECRETS, min_size=2, max_size=4, unique=True), st.text(max_size=12), st.sampled_from(sorted(keys.PREFIXES)))
def test_wrapping_an_id_makes_the_id_of_the_text(secrets: list[bytes], text: str, purpose: str) -> None:
    key = None
    for version, secret in enumerate(secrets, start=1):
        key = keys.Key(version, secret, key)
    assert key is not None
    new = key.keyed([text], purpose)
    for earlier in key.all():
        assert key.brought(earlier.keyed([text], purpose)) == new
    assert key.brought([None]) == [None]
    for strange in ("x", "p_1", f"p_9{'a' * 24}", (new[0] or "").upper()):
        with pytest.raises(ValueError, match="can be brought"):
            key.brought([strange])


@pytest.fixture
def told(ledger_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger with every kind of entry: rows, a redaction, and rows after a rotation."""
    monkeypatch.delenv("KOHDE_SECRET")
    monkeypatch.setenv("KOHDE_SECRET_FILE", str(tmp_path / "secret"))
    keys.create()
    filled(ledger_home)
    store.redact(ledger_home, tables.Objection, [1])
    rotation.rotate(ledger_home)
    store.correct(ledger_home, "phone", None, "me", "gone", business_id="0112038-9", person_id=keys.keyed(["x"], "person")[0])
    store.redact(ledger_home, tables.Judgement, [1])
    assert store.verify(ledger_home) == []
    tamper(ledger_home)  # takes the database's own guards off
    return ledger_home


def test_every_change_of_a_cell_and_every_lost_row_is_found(told: Path) -> None:
    engine = sa.create_engine(store.url(told))
    changed = 0
    with Session(engine) as session:
        for table in (tables.Entry, *tables.ROWS.values()):
            key = sa.inspect(table).primary_key[0]
            for row in session.execute(sa.select(table.__table__)).mappings().all():
                at = key == row[key.name]
                for column in table.__table__.columns:
                    session.execute(sa.update(table).where(at).values({column.name: _other(column, row[column.name])}))
                    assert list(chain.verify(session)), (table.__tablename__, column.name, row[key.name])
                    session.rollback()
                    changed += 1
                session.execute(sa.delete(table).where(at))
                assert list(chain.verify(session)), (table.__tablename__, row[key.name])
                session.rollback()
        assert list(chain.verify(session)) == [] and changed > 200
    engine.dispose()


# Where the database itself lets only some words in, the change is to another of them.
WORDS = {
    ("judgement", "verdict"): store.VERDICTS,
    ("review", "verdict"): objections.VERDICTS,
    ("objection", "kind"): objections.KINDS,
    ("objection", "scope"): objections.SCOPES,
    ("objection", "purpose"): objections.PURPOSES,
    ("objection", "channel"): objections.CHANNELS,
    ("objection", "origin"): objections.ORIGINS,
}


def _other(column: sa.Column[Any], value: Any) -> Any:
    """Another value of the column's type, one letter or one number away."""
    if words := WORDS.get((column.table.name, column.name)):  # type: ignore[attr-defined]
        return next(word for word in words if word != value)
    kind = column.type.python_type
    if kind is bool:
        return not value
    if kind is int:
        return (value or 0) + 1000
    if kind is str:
        return "x" if value is None else value[:-1] + ("1" if value[-1:] != "1" else "2") if value else "x"
    return kind(2001, 2, 3)


def test_two_entries_that_change_places_are_found(told: Path) -> None:
    tamper(
        told,
        "update entry set seq = 100 where seq = 2",
        "update entry set seq = 2 where seq = 4",
        "update entry set seq = 4 where seq = 100",
    )
    assert store.verify(told)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(["add", "redact", "absorb", "correct"]), st.integers(1, 4)), max_size=8))
def test_the_chain_holds_whatever_is_done(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]) -> None:
    home = tmp_path_factory.mktemp("chain")
    os.environ.pop("KOHDE_LEDGER_URL", None)
    for step, number in steps:
        if step == "add":
            objections.add(home, Told(email=f"a{number}@firma.fi"), evidence=f"letter {number}", by_whom="me")
        elif step == "redact":
            store.redact(home, tables.Objection, [number])
        elif step == "absorb":
            objections.absorb(home, [(number, "phone", keys.keyed([f"phone|{number}"], "subject")[0] or "")])
        else:
            store.correct(home, "phone", str(number), "me", "why", business_id="0112038-9")
    assert store.verify(home) == []
