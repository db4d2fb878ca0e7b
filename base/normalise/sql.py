r"""The normal forms that must also live in DuckDB, each as one expression: this is the single source of truth of their SQL.

`register(con)` makes them temp macros of a connection. `dbt_macros()` is the text of dbt_project/macros/normalise.sql, which
`python -m base.normalise.sql` writes and a test compares; dbt runs on several connections, where temp macros would be missing.
The character classes and letter tables are those of the Python functions, and tests hold the two together on 100,000 values.

Phones, e-mail addresses and name key sets have no SQL: their rules live in libraries. They are normalised when a source lands,
and SQL only takes their keys.
"""

import re
from pathlib import Path

import duckdb

from base import files
from base.normalise.business_id import GAP, NEVER_ISSUED, SHAPE
from base.normalise.characters import INVISIBLE, re2
from base.normalise.email import NORMAL, TAG
from base.normalise.name import APOSTROPHE, COLLAPSE, DOUBLE, SEPARATOR, SINGLE, UNKNOWN_MARKS, titles
from base.normalise.phone import E164

DBT_MACROS = Path(__file__).parents[2] / "dbt_project" / "macros" / "normalise.sql"


def _quoted(pattern: str) -> str:
    return "'" + re2(pattern).replace("'", "''") + "'"


def _nested(inner: str, outer: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for old, new in pairs:
        inner = outer.format(inner, _quoted(old), _quoted(new))
    return inner


_TITLES = "[" + ", ".join(f"'{title}'" for title in sorted(titles())) + "]"
_REMOVED = f"[{INVISIBLE}{APOSTROPHE}{UNKNOWN_MARKS}]"
_SEPARATORS = f"[{SEPARATOR}]+"
# nfc_normalize and strip_accents read a text only up to a NUL, so that goes first.
_BEYOND = r"[\x00\x{10000}-\x{10ffff}]"
_COMPOSED = f"nfc_normalize(regexp_replace(v, {_quoted(_BEYOND)}, ' ', 'g'))"
_LOWERED = f"lower(nfc_normalize(regexp_replace({_COMPOSED}, {_quoted(_REMOVED)}, '', 'g')))"
_PARTED = f"regexp_replace(strip_accents({_LOWERED}), {_quoted(_SEPARATORS)}, ' ', 'g')"
_STRIPPED = f"translate({_PARTED}, '{SINGLE[0]}', '{SINGLE[1]}')"
_COLLAPSED = _nested(
    _nested(_STRIPPED, "replace({}, {}, {})", tuple(DOUBLE.items())), "regexp_replace({}, {}, {}, 'g')", COLLAPSE
)

# name -> (what it gives, expression of the one parameter v). An expression may call the macros before it, with v alone.
MACROS = {
    "business_id_digits": (
        "The eight digits of any spelling of a business id; null when the text is none.",
        f"if(regexp_full_match(v, {_quoted(SHAPE)}), lpad(regexp_replace(v, '[^0-9]', '', 'g'), 8, '0'), null)",
    ),
    "business_id_checks": (
        "Whether eight digits have the right check digit: weights 7 9 10 5 8 4 2, modulo 11, remainder 1 never issued.",
        f"v <> '{NEVER_ISSUED}' and ("
        + " + ".join(f"{weight} * v[{i}]::int" for i, weight in enumerate((7, 9, 10, 5, 8, 4, 2, 1), 1))
        + ") % 11 = 0",
    ),
    "business_id": (
        "0112038-9 of any spelling of a business id; null when the text is none or its check digit is wrong.",
        "if(business_id_checks(business_id_digits(v)), regexp_replace(business_id_digits(v), '(.)$', '-\\1'), null)",
    ),
    "business_id_fault": (
        "Why a text is no business id: bid_missing, bid_shape, bid_checksum; null when it is one.",
        f"case when regexp_full_match(coalesce(v, ''), {_quoted(GAP)}) then 'bid_missing' "
        "when business_id_digits(v) is null then 'bid_shape' "
        "when not business_id_checks(business_id_digits(v)) then 'bid_checksum' end",
    ),
    "vat_number": ("FI01120389 of any spelling of a business id.", "'FI' || replace(business_id(v), '-', '')"),
    "euid": ("FIFPRO.0112038-9, the European unique identifier, of any spelling.", "'FIFPRO.' || business_id(v)"),
    "email_key": (
        "The key of an e-mail address in normal form, without its plus tag; null for what is not in normal form.",
        f"if(regexp_full_match(v, {_quoted(NORMAL)}), regexp_replace(v, {_quoted(TAG)}, '@'), null)",
    ),
    "phone_key": (
        "The key of a telephone number in normal form (E.164): itself; null for what is not in normal form.",
        f"if(regexp_full_match(v, {_quoted(E164)}), v, null)",
    ),
    "name_words": (
        "The words of a name, folded: lower case, marks off, ae/aa/oe/ue undone, hyphens split.",
        f"list_filter(string_split({_COLLAPSED}, ' '), lambda word: word <> '')",
    ),
    "name_fold": (
        "The one coarse key that all spellings of a name share; titles dropped while two words remain, words sorted.",
        "nullif(array_to_string(list_sort(list_transform([name_words(v)], lambda told: "
        f"if(len(list_filter(told, lambda word: not list_contains({_TITLES}, word))) >= 2, "
        f"list_filter(told, lambda word: not list_contains({_TITLES}, word)), told))[1]), ' '), '')",
    ),
}  # fmt: skip


def register(con: duckdb.DuckDBPyConnection) -> None:
    """Make the normal forms temp macros of this connection (not of its cursors)."""
    for macro, (_, expression) in MACROS.items():
        con.execute(f"create or replace temp macro {macro}(v) as {expression}")


def dbt_macros() -> str:
    """The same expressions as dbt macros, called with the SQL text of a value: `{{ normal_business_id('told_id') }}`."""
    head = "{#- Generated by `python -m base.normalise.sql` from base/normalise/sql.py: change the rule there. -#}\n"
    return head + "\n".join(
        f"\n{{#- {said} -#}}\n{{% macro normal_{macro}(v) -%}}\n    ({_as_jinja(expression)})\n{{%- endmacro %}}"
        for macro, (said, expression) in MACROS.items()
    ) + "\n"  # fmt: skip


def _as_jinja(expression: str) -> str:
    calls = f"(?:{'|'.join(MACROS)})"

    def render(piece: re.Match[str]) -> str:
        if piece[0].startswith("'"):
            return piece[0]
        return "({{ v }})" if piece[0] == "v" else "{{ " + re.sub(rf"{calls}(?=[(])", r"normal_\g<0>", piece[0]) + " }}"

    return re.sub(rf"'(?:[^']|'')*'|\b{calls}\((?:{calls}\(v\)|v)\)|\bv\b", render, expression)


if __name__ == "__main__":
    files.write_text(DBT_MACROS, dbt_macros())
