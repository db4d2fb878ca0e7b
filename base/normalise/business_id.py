"""The Finnish business id (Y-tunnus) and the two numbers made from it.

Seven digits and a check digit (weights 7 9 10 5 8 4 2, modulo 11; remainder 1 is never issued), checked by python-stdnum.
The same rule stands in SQL in base/normalise/sql.py; tests hold the two together.
"""

import re

from stdnum.fi import ytunnus

from base.normalise.characters import BLANK, DASH, INVISIBLE

# What may stand around and between the digits: the VAT form (FI01120389), the European form (FIFPRO.0112038-9), any dash.
# Ids given before the zero-padding have six digits and a check digit; a spreadsheet loses the leading zero likewise.
GAP = f"[{BLANK}{INVISIBLE}]*"
SHAPE = f"{GAP}([Ff][Ii][Ff][Pp][Rr][Oo]\\.|[Ff][Ii])?{GAP}[0-9]{{6,7}}{GAP}[{DASH}]?{GAP}[0-9]{GAP}"
NEVER_ISSUED = "00000000"  # passes the check digit, and is what people write when they have none

_SHAPE = re.compile(SHAPE)
_GAP = re.compile(GAP)
_NO_DIGIT = re.compile("[^0-9]")


def business_id_fault(text: str | None) -> str | None:
    """Why a text is no business id: `bid_missing`, `bid_shape` or `bid_checksum`; None when it is one."""
    if text is None or _GAP.fullmatch(text):
        return "bid_missing"
    digits = _digits(text)
    if digits is None:
        return "bid_shape"
    return None if digits != NEVER_ISSUED and ytunnus.is_valid(digits) else "bid_checksum"


def business_id(text: str | None) -> str | None:
    """The id as `0112038-9`, from any of its spellings; None when the text is none or its check digit is wrong."""
    digits = None if text is None or business_id_fault(text) else _digits(text)
    return digits and f"{digits[:7]}-{digits[7]}"


def vat_number(text: str | None) -> str | None:
    """`FI01120389` of any spelling of a business id. That the organisation is liable to VAT it does not say."""
    found = business_id(text)
    return found and "FI" + found.replace("-", "")


def euid(text: str | None) -> str | None:
    """`FIFPRO.0112038-9`, the European unique identifier (Implementing Regulation (EU) 2021/1042) of a business id."""
    found = business_id(text)
    return found and "FIFPRO." + found


def _digits(text: str) -> str | None:
    return _NO_DIGIT.sub("", text).zfill(8) if _SHAPE.fullmatch(text) else None
