"""Normal forms: tables of cases, the properties they promise, and Python and SQL agreeing on 100,000 values."""

import csv
import os
import random
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stdnum.fi import alv, ytunnus

import base.normalise as n
from base.normalise import columns, sql
from base.normalise.address import SEEDS
from base.normalise.characters import clean
from base.normalise.email import is_free_mail
from base.normalise.name import MAX_KEYS, SPELLINGS, titles

DATA = Path(columns.__file__).parent / "data"
VALUES = int(os.environ.get("KOHDE_VALUES", "100000"))
TWIN: dict[str, Callable[[str | None], object]] = {
    "business_id": n.business_id,
    "business_id_fault": n.business_id_fault,
    "vat_number": n.vat_number,
    "euid": n.euid,
    "email_key": n.email_key,
    "phone_key": n.phone_key,
    "name_fold": n.name_fold,
}
PLAIN = "".join(chr(c) for c in range(32, 127))
HOSTILE = (
    "\x00\x01\x1b\x7f\x85\xad\u034f\u0660\u0669\u06f0\u200b\u200d\u200e\u202e\u2060\u2066\ufeff\ufffd\uffff\ufe0f"
    "\u0301\u0308\u030a\u1e9e\u0130\u0131\u017f\u212a\u212b\u01c5\u03a3\u03c2\ufb01\uff21\uff10\uff0b\uff0d"
    "\u2010\u2011\u2013\u2014\u2212\u00a0\u2009\u202f\u3000\u2028\t\n\r\v\f ªµºǿǣÅÄÖØÆÜßŠŽŁĐÞÐåäöøæüšžłđþðœ’'`´"
    "Иваноё\u05d0\u0639\u0e33\u4e2d\uac00\u1100\u0ece\u0cf3\U0001f600\U00011f00\U0010ffff"
)


@cache
def generated() -> list[str]:
    """Seeded: right values, their spellings and mutations, and hostile texts of any length up to 300."""
    draw = random.Random(20260102)
    words = [
        "Mäkinen",
        "Maekinen",
        "Åberg",
        "Öhman-Sæther",
        "Große",
        "Tohtori",
        "dr.",
        "Aarne",
        "Šahin",
        "O’Brien",
        "von",
        "tri",
    ]
    dashes = ["-", "", "–", "‐", "−", " - ", "\u200b-", "--"]

    def bid() -> str:
        digits = "".join(draw.choices("0123456789", k=7))
        check = draw.choice("0123456789") if draw.random() < 0.2 else str(-alv.checksum(digits + "0") % 11)[0]
        prefix = draw.choice(["", "", "", "FI", "fi ", "FIFPRO.", "Fifpro.", "SE", "\u0131", "\ufb01"])
        digits = digits.lstrip("0") if draw.random() < 0.3 else digits
        return (
            draw.choice(["", " ", "\u00a0", "\t"])
            + prefix
            + digits
            + draw.choice(dashes)
            + check
            + draw.choice(["", " ", "\n"])
        )

    def mail() -> str:
        local = "".join(draw.choices("abcxyz019._+-'|{}%", k=draw.randint(1, 8)))
        return (
            f"{local}@{draw.choice(['y.fi', 'a-b.co.uk', 'xn--pst-qlaa4i.fi', 'Y.fi', 'b', '-a.fi', 'a..fi', 'y.fi.', 'ä.fi'])}"
        )

    def number() -> str:
        return draw.choice(["+", "+", "00", "", "++", "＋"]) + "".join(draw.choices("0123456789", k=draw.randint(3, 17)))

    def name() -> str:
        joined = draw.choice([" ", "-", ", ", "\x00", ""]).join(draw.choices(words, k=draw.randint(1, 4)))
        return unicodedata.normalize(draw.choice(["NFC", "NFD", "NFKD"]), draw.choice([joined, joined.upper(), joined.lower()]))

    def hostile() -> str:
        length = draw.choice([0, 1, 2, 5, 20, 300])
        return "".join(draw.choices(HOSTILE + PLAIN, k=length))

    def mutated() -> str:
        text = list(draw.choice([bid, mail, number, name])())
        for _ in range(draw.randint(1, 3)):
            text.insert(draw.randint(0, len(text)), draw.choice(HOSTILE + PLAIN))
        return "".join(text)

    return [draw.choice([bid, bid, mail, number, name, hostile, mutated])() for _ in range(VALUES)]


def in_sql(expressions: dict[str, str], values: list[str], prepare: bool = True) -> dict[str, list[object]]:
    """Each expression of `v` over all values, in their order."""
    with duckdb.connect() as con:
        if prepare:
            sql.register(con)
        con.register("given", pa.table({"position": range(len(values)), "v": pa.array(values, pa.string())}))
        told = ", ".join(f"{expression} as {name}" for name, expression in expressions.items())
        return dict(con.sql(f"select {told} from given order by position").to_arrow_table().to_pydict())


# Python and SQL


@pytest.mark.parametrize("function", TWIN)
def test_python_and_sql_agree(function: str) -> None:
    values = generated()
    told = in_sql({"told": f"{function}(v)"}, values)["told"]
    expected = [TWIN[function](value) for value in values]
    wrong = [(value, ours, theirs) for value, ours, theirs in zip(values, expected, told, strict=True) if ours != theirs]
    assert not wrong[:5]
    # An agreement on nothing would be none.
    assert VALUES * 0.02 < sum(one is not None for one in told) < VALUES * 0.99


def test_python_and_sql_fold_every_character_alike() -> None:
    every = [*range(0xD800), *range(0xE000, 0x10000), *range(0x10000, 0x110000, 97)]
    values = [f"a{chr(c)}B" for c in every[:: 100_000 // VALUES]]
    told = in_sql({"told": "name_fold(v)"}, values)["told"]
    assert [value for value, theirs in zip(values, told, strict=True) if n.name_fold(value) != theirs] == []


def test_dbt_macros_are_the_registered_ones() -> None:
    """The file is what the module generates, and what dbt renders of it gives what the temp macros give, without them."""
    assert sql.DBT_MACROS.read_text(encoding="utf-8") == sql.dbt_macros(), "run `python -m base.normalise.sql`"
    macros = jinja2.Environment().from_string(sql.dbt_macros()).module
    values = generated()[:20_000]
    rendered = in_sql({name: str(getattr(macros, f"normal_{name}")("v")) for name in TWIN}, values, prepare=False)
    assert rendered == in_sql({name: f"{name}(v)" for name in TWIN}, values)


def test_sql_of_null_is_null() -> None:
    with duckdb.connect() as con:
        sql.register(con)
        for name in TWIN:
            expected = "bid_missing" if name == "business_id_fault" else None
            assert con.execute(f"select {name}(null::varchar)").fetchall() == [(expected,)]
            assert TWIN[name](None) == expected


# Tables


@pytest.mark.parametrize(
    "text",
    ["0112038-9", "01120389", "112038-9", "1120389", "FI01120389", "fi 0112038-9", " 0112038-9", "0112038–9", "0112038−9",
     "0112038 - 9", "FIFPRO.0112038-9", "\ufeff0112038-9\u00a0", "0112038-9\n"],
)  # fmt: skip
def test_spellings_of_a_business_id(text: str) -> None:
    assert n.business_id(text) == "0112038-9"
    assert n.business_id_fault(text) is None
    assert n.vat_number(text) == "FI01120389"
    assert n.euid(text) == "FIFPRO.0112038-9"


@pytest.mark.parametrize(
    ("text", "fault"),
    [(None, "bid_missing"), ("", "bid_missing"), ("  ", "bid_missing"), ("0112038-8", "bid_checksum"),
     ("0000000-0", "bid_checksum"), ("0000001-1", "bid_checksum"), ("0112038--9", "bid_shape"), ("SE01120389", "bid_shape"),
     ("٠١١٢٠٣٨-٩", "bid_shape"), ("0112038-9 Oy", "bid_shape"), ("12038-9", "bid_shape"), ("001120389", "bid_shape"),
     ("0112038\x00-9", "bid_shape"), ("\ud800", "bid_shape"), ("0" * 300, "bid_shape")],
)  # fmt: skip
def test_no_business_id(text: str | None, fault: str) -> None:
    assert n.business_id_fault(text) == fault
    assert n.business_id(text) is n.vat_number(text) is n.euid(text) is None


@pytest.mark.parametrize(
    ("text", "e164", "kind"),
    [("040-123 4567", "+358401234567", "mobile"), ("+358 (0)40 123 4567", "+358401234567", "mobile"),
     ("+358(0)401234567", "+358401234567", "mobile"), ("00358401234567", "+358401234567", "mobile"),
     ("(03) 565 611", "+3583565611", "fixed"), ("0401234567/puhelinvaihde", "+358401234567", "mobile"),
     ("GSM 040–123 4567 (Matti)", "+358401234567", "mobile"), ("٠٤٠١٢٣٤٥٦٧", "+358401234567", "mobile"),
     ("０４０１２３４５６７", "+358401234567", "mobile"), ("\u202d040 1234567\u202c", "+358401234567", "mobile"),
     ("401234567", "+358401234567", "mobile"), ("401234567.0", "+358401234567", "mobile"),
     ("358401234567", "+358401234567", "mobile"), ("0457 313 1234", "+3584573131234", "mobile"),
     ("018 12345", "+3581812345", "fixed"), ("09 310 1691", "+35893101691", "fixed"),
     ("010 123 4567", "+358101234567", "organisation"), ("020 123 4567", "+358201234567", "organisation"),
     ("029 516 3000", "+358295163000", "organisation"), ("030 123 456", "+35830123456", "organisation"),
     ("039 123 4567", "+358391234567", "organisation"), ("0601 12345", "+35860112345", "organisation"),
     ("075 325 2000", "+358753252000", "organisation"), ("0800 12345", "+35880012345", "service"),
     ("+46 8 123 456 78", "+46812345678", "fixed"), ("+1 212 555 0123", "+12125550123", "mobile")],
)  # fmt: skip
def test_phones(text: str, e164: str, kind: str) -> None:
    told = n.phone(text)
    assert (told.e164, told.kind, told.reason) == (e164, kind, None)
    assert n.phone(told.national, "SE" if e164.startswith("+46") else "US" if e164.startswith("+1") else "FI").e164 == e164


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [(None, "invalid", "phone_missing"), (" \u200b", "invalid", "phone_missing"), ("112", "invalid", "phone_short"),
     ("116117", "invalid", "phone_short"), ("09 12", "invalid", "phone_short"), ("ei ole", "invalid", "phone_shape"),
     ("0600 12345", "premium", "phone_premium"), ("0700 12345", "premium", "phone_premium"),
     ("+358 600 12345", "premium", "phone_premium"), ("04" * 200, "invalid", "phone_shape"),
     ("0201256-6", "invalid", "phone_shape"), ("040\x00 1234567", "invalid", "control_char"),
     ("4,01235E+08", "invalid", "phone_shape"), ("+358", "invalid", "phone_short"), ("1" * 20, "invalid", "phone_shape"),
     ("1", "invalid", "phone_short"), ("1234567", "invalid", "phone_shape"), ("+989601", "invalid", "phone_short")],
)  # fmt: skip
def test_no_phone(text: str | None, kind: str, reason: str) -> None:
    told = n.phone(text)
    assert (told.e164, told.kind, told.reason) == (None, kind, reason)


@pytest.mark.parametrize(
    ("e164", "kind"),
    [("+15002345678", "mobile"), ("+12684061234", "mobile"), ("+12684801234", "fixed"), ("+971700012345", "service"),
     ("+41860123456789", "service"), ("+37618001234", "service"), ("+247542011", "organisation")],
)  # fmt: skip
def test_kinds_of_phones_that_other_countries_have(e164: str, kind: str) -> None:
    """Personal numbers and pagers, internet telephony, shared cost, voice mail."""
    assert (n.phone(e164).e164, n.phone(e164).kind) == (e164, kind)


def test_a_phone_number_stands_in_a_short_text() -> None:
    assert n.phone("040 1234567 ".ljust(250, "x")).e164 and n.phone("040 1234567 ".ljust(251, "x")).reason == "phone_shape"
    assert (n.phone("0100037-9").reason, n.phone("01000379").e164) == ("phone_shape", "+3581000379"), "an id is no number"
    assert n.phone("0800 SAUNAT").e164 is None, "letters are no digits"


def test_several_phones_in_one_field() -> None:
    told = n.phones("0600 12345, 09 123 4567 tai 040 1234567 / 050 7654321; 040-1234567")
    assert [one.e164 for one in told] == ["+35891234567", "+358401234567", "+358507654321", None]
    assert n.phone("09 123 4567 ext. 12").extension == "12"
    assert n.phone("09 123 4567 ext. 12").national == "09 1234567"


@pytest.mark.parametrize(
    ("prefix", "number", "e164"),
    [("+358", "24345111", "+35824345111"), ("+358", "024345111", "+35824345111"), ("358", "0295163000", "+358295163000"),
     ("00358", "24345111", "+35824345111"), (None, "0295163000", "+358295163000"), ("", "0295163000", "+358295163000"),
     ("+358", "+35824345111", "+35824345111"), ("+358", "0035824345111", "+35824345111"),
     ("+46", "8 123 456 78", "+46812345678"), (" ", "013 1234567", "+358131234567"), ("(+358)", "24345111", "+35824345111"),
     ("+46", "+358 40 1234567", "+358401234567"), ("+46", "00358401234567", "+358401234567")],
)  # fmt: skip
def test_phone_with_its_country_code_apart(prefix: str | None, number: str, e164: str) -> None:
    assert n.phone(number, prefix=prefix).e164 == e164


@pytest.mark.parametrize(
    ("text", "address", "kind"),
    [("MATTI@PÄÄSTÖ.FI", "matti@xn--pst-qlaa4i.fi", "personal"),
     ("matti@xn--pst-qlaa4i.fi", "matti@xn--pst-qlaa4i.fi", "personal"),
     (" Matti.Virtanen@Yritys.fi. ", "matti.virtanen@yritys.fi", "personal"),
     ("<mailto:x@y.fi?subject=a>", "x@y.fi", "personal"),
     ('"Virtanen, Matti" <x@y.fi>', "x@y.fi", "personal"), ("x (at) y.fi", "x@y.fi", "personal"),
     ("x @ y.fi", "x@y.fi", "personal"),
     ("x@y.f\u200bi", "x@y.fi", "personal"), ("ｘ@y.fi", "x@y.fi", "personal"), ("E-mail: x@y.fi", "x@y.fi", "personal"),
     ("info@yritys.fi", "info@yritys.fi", "role"), ("Myynti@yritys.fi", "myynti@yritys.fi", "role"),
     ("toimisto2@yritys.fi", "toimisto2@yritys.fi", "role"), ("registrator@stad.fi", "registrator@stad.fi", "role"),
     ("info.helsinki@yritys.fi", "info.helsinki@yritys.fi", "role"), ("info+a@yritys.fi", "info+a@yritys.fi", "role"),
     ("kirjaamo.uusimaa@virasto.fi", "kirjaamo.uusimaa@virasto.fi", "role"),
     ("info-yritys@yritys.fi", "info-yritys@yritys.fi", "role"),
     ("myynti.virtanen@yritys.fi", "myynti.virtanen@yritys.fi", "personal"),
     ("lahti@yritys.fi", "lahti@yritys.fi", "personal"),
     ("yritys@yritys.fi", "yritys@yritys.fi", "personal"), ("matti@gmail.com", "matti@gmail.com", "free_mail"),
     ("info@gmail.com", "info@gmail.com", "free_mail"), ("x@pp.inet.fi", "x@pp.inet.fi", "free_mail"),
     ("x@notgmail.com", "x@notgmail.com", "personal"), ("x@gmail.com.yritys.fi", "x@gmail.com.yritys.fi", "personal")],
)  # fmt: skip
def test_emails(text: str, address: str, kind: str) -> None:
    told = n.email(text)
    assert (told.address, told.kind, told.reason) == (address, kind, None)
    assert told.domain == address.split("@")[1]


@pytest.mark.parametrize(
    ("text", "kind", "reason", "domain"),
    [(None, "invalid", "email_missing", None), ("", "invalid", "email_missing", None),
     ("a@b", "invalid", "email_shape", None),
     ("a@@b.fi", "invalid", "email_shape", None), ("a" * 300 + "@b.fi", "invalid", "too_long", None),
     ("a@b.fi " * 400, "invalid", "too_long", None), ("x\x00@y.fi", "invalid", "control_char", None),
     ("\ud800@y.fi", "invalid", "control_char", None), ("päivi@yritys.fi", "invalid", "email_shape", None),
     ("matti virtanen@yritys.fi", "invalid", "email_shape", None), ("@y.fi", "invalid", "email_shape", None),
     ("ei ole", "invalid", "email_shape", None), (";", "invalid", "email_shape", None),
     ("x@[127.0.0.1]", "invalid", "email_shape", None),
     ("+tag@y.fi", "invalid", "email_shape", None), ("x@y_z.fi", "invalid", "email_shape", None),
     ("etunimi.sukunimi@naantali.fi", "pattern", "email_pattern", "naantali.fi"),
     ("Etunimi.Sukunimi(at)naantali.fi", "pattern", "email_pattern", "naantali.fi"),
     ("fornamn.efternamn@y.fi", "pattern", "email_pattern", "y.fi"),
     ("förnamn.efternamn@y.fi", "pattern", "email_pattern", "y.fi"),
     ("firstname.lastname@y.fi", "pattern", "email_pattern", "y.fi"), ("e.sukunimi@y.fi", "pattern", "email_pattern", "y.fi"),
     ("<etunimi>.<sukunimi>@pääst.fi", "pattern", "email_pattern", "xn--pst-qlaa.fi"),
     ("etunimi.sukunimi@", "pattern", "email_pattern", None)],
)  # fmt: skip
def test_no_email(text: str | None, kind: str, reason: str, domain: str | None) -> None:
    told = n.email(text)
    assert (told.address, told.key, told.kind, told.reason, told.domain) == (None, None, kind, reason, domain)


@pytest.mark.parametrize(
    ("text", "addresses"),
    [("x@y.fi;z@y.fi", ["x@y.fi", "z@y.fi"]), ("x@y.fi, X@Y.fi", ["x@y.fi"]), ("x@y.fi z@y.fi", ["x@y.fi", "z@y.fi"]),
     ("x@y.fi tai z@y.fi", ["x@y.fi", "z@y.fi"]), ("etunimi.sukunimi@y.fi; info@y.fi", ["info@y.fi", None]),
     ("A <x@y.fi> B <z@y.fi>", [None]), ("ei ole; x@y.fi", ["x@y.fi", None]),
     ("x@y.fi;", ["x@y.fi"]), ("x@y.fi. z@y.fi.", ["x@y.fi", "z@y.fi"]),
     (" (mailto:x@y.fi?SUBJECT=a)", ["x@y.fi"]), ("x@y.fi" + ";" * 1994, ["x@y.fi"]), ("x@y.fi" + ";" * 1995, [None]),
     ("a@b;x@y.fi", ["x@y.fi", None]), ("matti virtanen@y.fi z@y.fi", [None])],
)  # fmt: skip
def test_several_emails_in_one_field(text: str, addresses: list[str | None]) -> None:
    assert [one.address for one in n.emails(text)] == addresses


def test_a_plus_tag_stays_in_the_address_and_leaves_the_key() -> None:
    assert n.email("matti+@y.fi").tag is n.email("matti@y.fi").tag is None
    told = n.email("Matti+Kohde+2@y.fi")
    assert (told.address, told.tag, told.key) == ("matti+kohde+2@y.fi", "kohde+2", "matti@y.fi")


def test_an_email_may_have_254_characters() -> None:
    longest = f"{'a' * 64}@{'.'.join(['b' * 60, 'c' * 60, 'd' * 60, 'e' * 3])}.fi"
    assert len(longest) == 254 and n.email(longest).address == longest
    assert [n.email(f"{'a' * more}{longest}").reason for more in (0, 1)] == [None, "too_long"]


def test_free_email_is_so_in_any_case() -> None:
    assert is_free_mail("GMAIL.com") and is_free_mail("pp.inet.fi") and not is_free_mail("yritys.fi")


def test_no_email_is_made_of_a_name() -> None:
    """What comes out as an address stood in the text: lower-cased, its local part is there letter by letter."""
    for text in [
        "Matti Virtanen, Yritys Oy, yritys.fi",
        "etunimi.sukunimi@yritys.fi Matti Virtanen",
        "matti.virtanen@",
        "yritys.fi",
    ]:
        assert [one.address for one in n.emails(text)] == [None]


@pytest.mark.parametrize(
    ("one", "other"),
    [("Mäkinen", "Maekinen"), ("Mäkinen", "MAKINEN"), ("Maekinen", "MAKINEN"), ("Sæther", "Saether"), ("Sæther", "Sather"),
     ("Sæther", "Sether"), ("Große", "Grosse"), ("Öberg", "Oeberg"), ("Åberg", "Aaberg"), ("Åberg", "Oberg"),
     ("Aaberg", "Aberg"),
     ("Müller", "Mueller"), ("Müller", "Myller"), ("Mueller", "Muller"), ("Jørgensen", "Joergensen"), ("Šahin", "Shahin"),
     ("Žukov", "Zhukov"), ("Hämäläinen", "Hamalaeinen"), ("Virtanen, Matti", "Matti Virtanen"),
     ("Anna-Liisa Aho", "Aho Anna Liisa"),
     ("Dipl.ins. Matti Virtanen", "Matti Virtanen"), ("Prof. Öhman, Åke", "AAKE OEHMAN"), ("O’Brien Sean", "Sean OBrien"),
     ("Mäkinen", "Ma\u0308kinen"), ("Virta\u200bnen", "Virtanen"), ("\u202eVirtanen", "Virtanen"), ("Ｖirtanen", "Virtanen"),
     ("Maja Jäääär", "Maja Jaeaeaeaer"), ("Иванова", "ИВАНОВА")],
)  # fmt: skip
def test_spellings_of_a_name_share_a_key(one: str, other: str) -> None:
    assert n.name_keys(one) & n.name_keys(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Mäkinen", "Makkonen"), ("Matti Virtanen", "Matti Virta"), ("Matti Virtanen", "Virtanen"), ("Aho", "Ahola"), ("", ""),
     ("\x00", "\x00"), ("Dr. Tri", "Matti")],
)  # fmt: skip
def test_other_names_share_no_key(one: str, other: str) -> None:
    assert not n.name_keys(one) & n.name_keys(other)


def test_every_letter_in_each_of_its_ways() -> None:
    """A way that is missing is an objector who is not found under it."""
    ways = {
        "ä": "a ae", "ö": "o oe", "å": "a aa o", "ø": "o oe", "æ": "a ae e", "ü": "u ue y", "ß": "ss s", "š": "s sh",
        "ž": "z zh", "œ": "o oe", "þ": "th t",
    }  # fmt: skip
    assert ways.keys() == SPELLINGS.keys()
    for letter, told in ways.items():
        # Beside an å that is written as o: of what is folded alone, the first way would never be missed.
        assert {f"k{way}n ok" for way in told.split()} <= n.name_keys(f"Åk K{letter}n"), letter


def test_name_keys_by_table() -> None:
    assert n.name_keys("Mäkinen") == {"makinen", "maekinen"}
    assert n.name_keys("Åke") == {"ake", "aake", "oke"}
    assert n.name_keys("Saarinen") == {"saarinen", "sarinen"}
    assert n.name_keys("Tri") == {"tri"}, "a title alone may be a name"
    assert n.name_keys(None) == n.name_keys(" - ") == n.name_keys("😀") == frozenset()
    assert len(n.name_keys("äöåøæüßšž" * 30)) == MAX_KEYS == 64
    # Too many ways: the first letters keep their first one, always the same, and what is tried of mixed ways is bounded.
    assert {key[:4] for key in n.name_keys("ßäåæöøüšž")} == {"ssaa", "ssao"}
    assert (
        "a a a a a a a a xae" not in n.name_keys("xä ä ä ä ä ä ä ä ä") >= {"a a a a a a a ae xa", "ae ae ae ae ae ae ae ae xae"}
    )
    assert n.name_fold("\u1fed") is None, "without its mark it is a sign, no letter"
    assert n.name_fold("Tohtori Mäkinen, Aarne-Öjvind") == "arne makinen ojvind"


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [("Katu 10 B 21", "Katu 10 B 21", "katu 10 b 21"), ("KATU 10 B21", "KATU 10 B 21", "katu 10 b 21"),
     ("Katu 13a", "Katu 13a", "katu 13 a"), ("Katu 13 A", "Katu 13 A", "katu 13 a"),
     ("Katu 16 – 18", "Katu 16-18", "katu 16-18"),
     ("Katu 1-3 B", "Katu 1-3 B", "katu 1-3 b"), ("Katu 10 as. 5", "Katu 10 as. 5", "katu 10 5"),
     ("Katu 5 A, 3. krs", "Katu 5 A", "katu 5 a"), ("PL 12", "PL 12", "box 12"), ("PB 12", "PL 12", "box 12"),
     ("P.O. Box 12", "PL 12", "box 12"), ("PL 12 (Katu 3)", "PL 12", "box 12"), ("Hämeenk. 5", "Hämeenk. 5", "hameenkatu 5"),
     ("Hämeenkatu 5", "Hämeenkatu 5", "hameenkatu 5"), ("Haemeenkatu 5", "Haemeenkatu 5", "hameenkatu 5"),
     ("HÄMEENK. 5", "HÄMEENK. 5", "hameenkatu 5"), ("Rantat. 5", "Rantat. 5", "rantatie 5"),
     ("Storg. 5", "Storg. 5", "storgatan 5"), ("Strandv. 5", "Strandv. 5", "strandvagen 5"),
     ("3. linja 5", "3. linja 5", "3 linja 5"), ("Iso-Roobertinkatu 4", "Iso-Roobertinkatu 4", "iso robertinkatu 4"),
     ("Kamppi, Katu 1 B", "Katu 1 B", "katu 1 b"), ("Kirkonkylä", "Kirkonkylä", "kirkonkyla"), ("😀", "😀", None),
     ("", None, None),
     (None, None, None)],
)  # fmt: skip
def test_addresses(text: str | None, line: str | None, key: str | None) -> None:
    assert n.street_line(n.address(text)) == line
    assert n.address_key(text) == key


def test_parts_of_an_address() -> None:
    parts = n.address("c/o Matti Virtanen\nKatu 10 B 21 a\nFI-00100 Helsinki")
    assert parts == n.Address("Katu", "10", "B", "21a", None, "00100", "HELSINKI", None, True)
    assert n.postal_lines(parts) == ["Katu 10 B 21a", "00100 HELSINKI"]
    assert n.postal_lines(n.Address()) == [] and n.postal_lines(n.address("Katu 1")) == ["Katu 1"]
    assert n.postal_lines(n.address("PB 12, 65101 VASA"), "sv") == ["PB 12", "65101 VASA"]
    assert n.street_line(n.address("Storgatan 5 lgh 3"), "sv") == "Storgatan 5 lgh 3"


@pytest.mark.parametrize(
    ("text", "parts"),
    [("PL 12", {"box": "12"}), ("Katu 3", {"street": "Katu", "number": "3"}), (",Katu 3; ", {"street": "Katu", "number": "3"}),
     ("Kylä; 00100 Helsinki.", {"street": "Kylä", "postcode": "00100", "town": "HELSINKI"}),
     ("Katu 13A", {"street": "Katu", "number": "13a"}),
     ("Katu 10 b 21 A", {"street": "Katu", "number": "10", "entrance": "B", "flat": "21a"}),
     ("Kamppi, Katu 1 B, 3. krs.", {"street": "Katu", "number": "1", "entrance": "B", "rest": "Kamppi, 3. krs"}),
     ("Katu 1, Talo Oy", {"street": "Katu", "number": "1", "rest": "Talo Oy"}),
     ("Talo, Katu 1", {"street": "Katu", "number": "1", "rest": "Talo"}),
     ("PL 12 (Kylä)", {"street": "Kylä", "box": "12"}), ("Kylä (PL 12) Raitti", {"street": "Kylä  Raitti", "box": "12"}),
     ("x" * 301, {"street": "x" * 300})],
)  # fmt: skip
def test_each_part_of_an_address_is_told_apart(text: str, parts: dict[str, str]) -> None:
    assert n.address(text) == n.Address(**parts) and not n.Address().has_care_of  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "c/o Matti Virtanen, Katu 3",
        "Katu 3 c/o Matti Virtanen",
        "Katu 3, C / O MATTI Virtanen",
        "℅ Matti Virtanen",
        "Katu 3 c\\o Matti",
    ],
)
def test_whom_a_care_of_names_reaches_no_part(text: str) -> None:
    parts = n.address(text)
    assert parts.has_care_of
    assert "atti" not in str(parts).lower()


def test_a_town_has_one_key_in_both_languages() -> None:
    assert {n.town_key(town) for town in ["HELSINKI", "Helsingfors", "helsinki 10", "Helsinki, 10 .", " ,.Helsingfors. "]} == {
        "HELSINKI"
    }
    assert (n.town_key("Esbo"), n.town_key("Larsmo"), n.town_key("Mariehamn")) == ("ESPOO", "LUOTO", "MAARIANHAMINA")
    assert n.town_key("Vastila") == "VASTILA", "of two towns of one key always the same"
    assert n.town_key("A\u034f\u0300") == clean("A\u034f\u0300") == "À", (
        "an invisible character does not keep a letter from its mark"
    )
    assert (n.town_key(" ,.Paris 7"), n.town_key(""), n.town_key(None)) == ("PARIS", None, None)
    with (SEEDS / "postal_codes.csv").open(encoding="utf-8", newline="") as file:
        pairs = {(row["name_fi"], row["name_sv"]) for row in csv.DictReader(file)}
    assert len(pairs) > 1500
    assert [pair for pair in pairs if n.town_key(pair[0]) != n.town_key(pair[1])] == []
    assert [fi for fi, _ in pairs if n.town_key(n.town_key(fi)) != n.town_key(fi)] == []


# Properties

ANY = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=60),
    st.text(st.sampled_from(HOSTILE + PLAIN), max_size=60),
    st.sampled_from(generated()[:5000]),
)
WORD = st.text(st.sampled_from("abeghinorstuyäöåøæüßšž"), min_size=1, max_size=9)


@given(ANY)
@settings(max_examples=VALUES // 250, deadline=None)
def test_normal_of_normal_is_normal_and_nothing_raises(text: str) -> None:
    if bid := n.business_id(text):
        assert n.business_id(bid) == bid and ytunnus.is_valid(bid)
        assert n.business_id(n.vat_number(bid)) == n.business_id(n.euid(bid)) == bid
    for told in n.phones(text):
        assert (told.e164 is None) == (told.reason is not None)
        if told.e164:
            again = n.phone(told.e164)
            assert (again.e164, again.kind) == (told.e164, told.kind)
            assert n.phone_key(told.e164) == told.e164
    for mail in n.emails(text):
        assert (mail.address is None) == (mail.reason is not None)
        if mail.address:
            assert n.emails(mail.address) == (mail,)
            assert n.email_key(mail.key) == mail.key
    fold = n.name_fold(text)
    assert n.name_fold(fold) == fold
    assert n.town_key(n.town_key(text)) == n.town_key(text)
    line = n.street_line(n.address(text))
    assert n.street_line(n.address(line)) == line
    assert len(n.name_keys(text)) <= MAX_KEYS


@given(st.lists(WORD, min_size=1, max_size=4), st.randoms(use_true_random=False))
@settings(max_examples=VALUES // 333, deadline=None)
def test_any_two_spellings_of_a_name_share_a_key(words: list[str], draw: random.Random) -> None:
    """Marks dropped or written as a second letter, mixed as people do; case, order, joining and Unicode form as they come."""
    assume(not titles() & set(" ".join(words).split()))

    def spelled(choices: int) -> str:
        letters = [
            draw.choice((letter, *SPELLINGS[letter][:choices])) if letter in SPELLINGS else letter for letter in " ".join(words)
        ]
        parts = "".join(letters).replace("ß", "ss").split(" ")
        draw.shuffle(parts)
        text = draw.choice([" ", "-", ", "]).join(parts)
        text = unicodedata.normalize(draw.choice(["NFC", "NFD", "NFKC"]), draw.choice([text, text.upper(), text.title()]))
        return draw.choice(["", "", "Dr. "]) + text if len(words) > 1 else text

    assert n.name_keys(spelled(2) if "ß" not in "".join(words) else spelled(1)) & n.name_keys(spelled(1))


@given(st.lists(WORD, min_size=1, max_size=3), st.data())
@settings(max_examples=VALUES // 500, deadline=None)
def test_every_way_of_writing_a_letter_leads_to_the_name(words: list[str], data: st.DataObject) -> None:
    """Also the rare ones (å as o, ü as y), as long as a letter is written one way throughout and the keys are not capped."""
    name = " ".join(words)
    letters = sorted(set(name) & SPELLINGS.keys())
    choice = {letter: data.draw(st.sampled_from(SPELLINGS[letter])) for letter in letters}
    keys = n.name_keys(name)
    if len(keys) < MAX_KEYS:
        assert keys & n.name_keys(name.translate(str.maketrans(dict(choice))))


# Columns


def test_columns_are_the_scalars_row_by_row() -> None:
    values = [
        *generated()[: VALUES // 500],
        "x@y.fi;z@y.fi",
        "Matti+työ@y.fi; matti+tyo@y.fi",
        "09 123 4567 ext. 12",
        "09 123 4567, 0600 12345",
        "x@y.fi; etunimi@y.fi",
        "c/o Matti, Talo, Katu 10 B 21 A, 3. krs, 00100 Helsinki",
        "PL 12, 65101 Vasa",
        "Åke Mäkinen",
        "09 123 4567 tai 040 1234567",
        "Katu 3",
        "Esbo",
        None,
        "",
        *generated()[:200],
    ]
    series = pl.Series("told", values, dtype=pl.String)
    assert columns.business_ids(series).rows() == [(n.business_id(v), n.business_id_fault(v)) for v in values]

    def first(told: Sequence[object], value: str) -> dict[str, Any]:
        """The first of several as a row, with the other usable ones."""
        one, *rest = told
        return vars(one) | {"more": [found for other in rest if (found := getattr(other, value))]}

    def of_address(value: str) -> dict[str, Any]:
        parts = n.address(value)
        return vars(parts) | {"line": n.street_line(parts), "key": n.address_key(value)}

    for column, scalar in (
        (columns.phones, lambda value: first(n.phones(value), "e164")),
        (columns.emails, lambda value: first(n.emails(value), "address")),
        (columns.names, lambda value: {"fold": n.name_fold(value), "keys": sorted(n.name_keys(value))}),
        (columns.addresses, of_address),
        (columns.towns, lambda value: {"town": n.town_key(value)}),
    ):
        told = column(series)
        for row, value in zip(told.iter_rows(named=True), values, strict=True):
            assert row == (dict.fromkeys(told.columns) if value is None else scalar(value)), value


def test_a_column_of_numbers_is_one_of_texts() -> None:
    numbers = pl.Series("told", [812345678, None])
    assert columns.phones(numbers, prefixes=pl.Series([46, None]))["e164"].to_list() == ["+46812345678", None]
    assert columns.business_ids(pl.Series([1120389]))["business_id"].to_list() == ["0112038-9"]


def test_columns_work_each_distinct_value_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[object, ...]] = []

    def counted(*told: object) -> object:
        calls.append(told)
        return n.phones(*told)  # type: ignore[arg-type]

    monkeypatch.setattr(columns, "phones_of", counted)
    numbers = pl.Series(["24345111", "0295163000", None] * 100, dtype=pl.String)
    prefixes = pl.Series(["+358", None, "+358"] * 100, dtype=pl.String)
    told = columns.phones(numbers, prefixes=prefixes)
    assert told["e164"].to_list() == ["+35824345111", "+358295163000", None] * 100
    assert len(calls) == 2


@pytest.mark.parametrize("function", ["business_ids", "phones", "emails", "names", "addresses", "towns"])
def test_an_empty_column_keeps_its_types(function: str) -> None:
    apply = getattr(columns, function)
    empty = apply(pl.Series("told", [], dtype=pl.String))
    assert empty.height == 0
    assert empty.schema == apply(pl.Series("told", ["040 1234567", None])).schema
    assert apply(pl.Series("told", [None, None])).height == 2


# Word lists


@pytest.mark.parametrize("path", sorted(DATA.glob("*.csv")), ids=lambda path: path.stem)
def test_word_lists_are_clean(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    values = [row[0] for row in rows[1:]]
    assert {len(row) for row in rows} == {2}
    assert len(values) == len(set(values))
    assert all(re.fullmatch(r"[a-zåäö0-9.-]+", value) for value in values)


def test_no_word_is_both_a_desk_and_a_pattern() -> None:
    def first(name: str) -> set[str]:
        return {line.split(",")[0] for line in (DATA / f"{name}.csv").read_text(encoding="utf-8").splitlines()[1:]}

    assert not first("role_words") & first("pattern_words")
