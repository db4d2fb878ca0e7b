"""Telephone numbers in E.164 form, and what kind of number it is: a person's, a switchboard's, a paid service's.

The numbering plans are libphonenumber's; ours is what Finnish registers and interviewers write around a number.
"""

import re
from contextlib import suppress
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberMatcher, PhoneNumberType

from base.normalise.business_id import business_id
from base.normalise.characters import clean, has_control, plain_dashes

MAX_LENGTH = 250
E164 = r"\+[1-9][0-9]{6,14}"

# UAN is the company-wide number (010, 020, 029, 030, 039, 0601, 070x, 075): it rings in an organisation, not on a desk.
# Where a country does not tell mobile from fixed, the kind that says more about a person is assumed.
_KIND = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "mobile",
    PhoneNumberType.PERSONAL_NUMBER: "mobile",
    PhoneNumberType.PAGER: "mobile",
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.VOIP: "fixed",
    PhoneNumberType.UAN: "organisation",
    PhoneNumberType.TOLL_FREE: "service",
    PhoneNumberType.SHARED_COST: "service",
    PhoneNumberType.VOICEMAIL: "service",
    PhoneNumberType.PREMIUM_RATE: "premium",
}
_BARE = re.compile(r"[0-9 ()+.-]+")
_E164 = re.compile(E164)


@dataclass(frozen=True)
class Phone:
    """One number.

    `e164` is None when there is none to use: kind `invalid`, with `reason` phone_missing, phone_short (112, 116117 and other
    numbers no exchange abroad would know), phone_shape or control_char; or kind `premium` with reason phone_premium, for a
    number that bills whoever rings it (0600, 0700) is not to be handed on. `national` is how it is written in its country.
    """

    e164: str | None
    kind: str
    national: str | None = None
    extension: str | None = None
    reason: str | None = None


def phone(text: str | None, region: str = "FI", prefix: str | None = None) -> Phone:
    """The first usable number in a text; see `phones`."""
    return phones(text, region, prefix)[0]


def phones(text: str | None, region: str = "FI", prefix: str | None = None) -> tuple[Phone, ...]:
    """All numbers in a text, the first usable one first; a single invalid Phone when there is none.

    `region` is whose numbering plan a number without a country code follows. `prefix` is the country code where the source
    keeps it in a field of its own (PTV: "+358" and "24345111"); a leading zero behind it is dropped.
    Words around a number are passed over, `0401234567/puhelinvaihde` and `Puh. 09 123 4567 tai 040 1234567` alike.
    """
    if text is None or not (cleaned := plain_dashes(clean(text))):
        return (_invalid("phone_missing"),)
    if has_control(text):
        return (_invalid("control_char"),)
    # A spreadsheet that took the number for a number appends ".0", and libphonenumber would take that zero for a digit.
    # A business id in the wrong column is a valid number of the 010 or 020 series.
    cleaned = re.sub(r"^(\+?[0-9]+)\.0+$", r"\1", cleaned)
    if len(cleaned) > MAX_LENGTH or ("-" in cleaned and business_id(cleaned)):
        return (_invalid("phone_shape"),)
    if code := re.sub("[^0-9]", "", prefix or ""):
        cleaned = f"+{code} {cleaned}"
    found = dict.fromkeys(_describe(number) for number in _numbers(cleaned, region))
    if found:
        return tuple(sorted(found, key=lambda one: one.e164 is None))
    digits = sum(map(str.isdigit, cleaned))
    return (_invalid("phone_short" if 0 < digits <= 6 else "phone_shape"),)


def phone_key(text: str | None) -> str | None:
    """The key a landed number is compared by: the number itself if it is in normal form, else None."""
    return text if text is not None and _E164.fullmatch(text) else None


def _numbers(text: str, region: str) -> list[PhoneNumber]:
    # Nothing but one number: parsed as such. The matcher is slower, and passes over one whose leading zero a spreadsheet ate.
    if _BARE.fullmatch(text):
        with suppress(phonenumbers.NumberParseException):
            number = phonenumbers.parse(text, region)
            if phonenumbers.is_valid_number(number):
                return [number]
    return [match.number for match in PhoneNumberMatcher(text, region)]


def _describe(number: PhoneNumber) -> Phone:
    kind = _KIND[phonenumbers.number_type(number)]
    extension, number.extension = number.extension, None
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    if kind == "premium":
        return Phone(None, kind, national, extension, "phone_premium")
    e164 = phone_key(phonenumbers.format_number(number, PhoneNumberFormat.E164))
    return Phone(e164, kind, national, extension) if e164 else _invalid("phone_short")


def _invalid(reason: str) -> Phone:
    return Phone(None, "invalid", reason=reason)
