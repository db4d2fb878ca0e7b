"""What a text is cleaned of before any rule reads it. One set of constants for Python and for DuckDB's regular expressions.

Registers, spreadsheets and web pages bring zero-width characters, direction marks, no-break spaces and five kinds of dash.
The raw text is kept as it came; only what is compared is cleaned.
"""

import re
import unicodedata

# Shown as nothing: soft hyphen, zero-width characters, direction marks and overrides, invisible operators, BOM.
INVISIBLE = r"\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
# Shown as a space. ASCII ones by number, because \s means other things to Python than to DuckDB.
BLANK = r"\x09-\x0d\x20\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
DASH = r"\x2d\u2010-\u2015\u2212\ufe58\ufe63\uff0d"
# Refused in a value that names somebody or something (reason `control_char`): no keyboard makes them.
CONTROL = r"\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff"

_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_BLANKS = re.compile(f"[{BLANK}]+")
_DASHES = re.compile(f"[{DASH}]")
_CONTROL = re.compile(f"[{CONTROL}]")


def clean(text: str) -> str:
    """The text in Unicode form NFKC (full-width digits become digits), without invisible characters, runs of blanks as one."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    return _BLANKS.sub(" ", text).strip(" ")


def plain_dashes(text: str) -> str:
    """Every dash as the ASCII hyphen."""
    return _DASHES.sub("-", text)


def has_control(text: str) -> bool:
    """Whether it holds a control character or half of a surrogate pair."""
    return _CONTROL.search(text) is not None


def re2(pattern: str) -> str:
    r"""A pattern of Python as DuckDB (RE2) spells it: `\uXXXX` is `\x{XXXX}` there."""
    return re.sub(r"\\u([0-9a-f]{4})", r"\\x{\1}", pattern)
