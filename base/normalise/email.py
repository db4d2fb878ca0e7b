"""E-mail addresses: one spelling each, and whose they are: an organisation's desk, a named person's at work, or free mail.

email-validator judges the syntax and IDNA; nothing is looked up. Nothing is guessed either: a pattern such as
etunimi.sukunimi@ is told as a pattern, and no code here makes an address that did not stand in the text (an address made
by inference is not from a reliable source: Finnish Data Protection Ombudsman, 29.12.2006).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from base.normalise.address import town_keys
from base.normalise.characters import clean, has_control
from base.normalise.data import words
from base.normalise.name import name_fold

MAX_LENGTH = 254  # RFC 5321, 4.5.3.1.3 with the angle brackets taken off
MAX_TEXT = 2000
# An address in normal form; the rule is also SQL's (base/normalise/sql.py).
NORMAL = r"[a-z0-9.!#$%&'*/=?^_`{|}~-][a-z0-9.!#$%&'*/=?^_`{|}~+-]*@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z0-9]"
TAG = r"\+[^@]*@"

_NORMAL, _TAG = re.compile(NORMAL), re.compile(TAG)
_SEPARATORS = re.compile(r"[;,|]|\s/\s|\s(?:tai|ja|eller|och|or|and)\s")
_AT = re.compile(r"\s*[(\[{](?:at|a|ät|@)[)\]}]\s*|\s+@\s+|\s+@|@\s+", re.IGNORECASE)
_WRAPPED = re.compile(r"[^<>]*<([^<>]*)>[^<>]*")
_TRIM = " \t\r\n.,:;'\"()[]<>"


@dataclass(frozen=True)
class Email:
    """One address.

    `address` is lower case with the domain in its ASCII (IDNA) form, None when there is none to use. It keeps a plus tag,
    for an address without it was never given; `tag` tells it, and `key`, which objections and duplicates are found by, is
    without. `kind`: `role` is a desk of the organisation, `personal` all else at a domain of its own, also what may be either;
    `pattern` has only a domain; `invalid` has a `reason`: email_missing, email_shape, too_long or control_char.
    """

    address: str | None
    kind: str
    domain: str | None = None
    tag: str | None = None
    key: str | None = None
    reason: str | None = None


def email(text: str | None) -> Email:
    """The first usable address in a text; see `emails`."""
    return emails(text)[0]


def emails(text: str | None) -> tuple[Email, ...]:
    """All addresses in a text such as `x@y.fi; Z <mailto:z@y.fi?subject=a>`, usable ones first; never empty.

    `(at)` and blanks around the @ are read as published addresses write them. What is invalid or a pattern comes after the
    usable ones, each with its reason, so that nothing is lost unsaid.
    """
    if text is None or not clean(text):
        return (_invalid("email_missing"),)
    if has_control(text):
        return (_invalid("control_char"),)
    if len(text) > MAX_TEXT:
        return (_invalid("too_long"),)
    found = dict.fromkeys(_parse(part) for part in _parts(clean(text)))
    return tuple(sorted(found, key=lambda one: one.address is None)) or (_invalid("email_shape"),)


def email_key(address: str | None) -> str | None:
    """The key of an address in normal form: without its plus tag. None for what is not in normal form: normalise it first."""
    return _TAG.sub("@", address) if address is not None and _NORMAL.fullmatch(address) else None


def is_free_mail(domain: str) -> bool:
    """Whether a domain, or one above it, gives addresses to anybody (gmail.com, pp.inet.fi)."""
    labels = domain.lower().split(".")
    return any(".".join(labels[i:]) in words("free_mail_domains") for i in range(len(labels)))


def is_role(local: str, domain: str) -> bool:
    """Whether what stands before the @, in lower case, names a desk: each word is in role_words.csv, a place or a number.

    Every word, because calling a person's address a desk's would release it without that person's gate.
    """
    tokens = [token for token in re.split(r"[^a-zåäö]+", local) if token]
    return any(token in words("role_words") for token in tokens) and all(
        token in words("role_words") or token in words("role_qualifiers") or name_fold(token) in town_keys()
        or token == domain.split(".")[0]
        for token in tokens
    )  # fmt: skip


def _parts(text: str) -> Iterator[str]:
    for part in _SEPARATORS.split(text):
        part = _AT.sub("@", part)
        if wrapped := _WRAPPED.fullmatch(part):
            part = wrapped[1]
        part = re.sub(r"^(mailto|e-?mail|sähköposti|e-?post|s-posti)\s*:", "", part.strip(_TRIM), flags=re.IGNORECASE)
        part = re.sub(r"\?(subject|body|cc|bcc)=.*$", "", part, flags=re.IGNORECASE).strip(_TRIM)
        pieces = part.split(" ")
        # Only when each is an address: of "matti virtanen@y.fi" the last word would be somebody else's.
        if all("@" in piece for piece in pieces):
            yield from (piece.strip(_TRIM) for piece in pieces)
        elif part:
            yield part


def _parse(text: str) -> Email:
    local, _, domain = text.lower().rpartition("@")
    if len(text) > MAX_LENGTH:
        return _invalid("too_long")
    if any(word in words("pattern_words") for word in re.split(r"[^a-zåäö]+", local)):
        return Email(None, "pattern", _ascii_domain(domain), reason="email_pattern")
    try:
        checked = validate_email(text, check_deliverability=False)
    except (EmailNotValidError, UnicodeError):
        return _invalid("email_shape")
    local, domain = checked.local_part.lower(), checked.ascii_domain
    address = f"{local}@{domain}"
    if (key := email_key(address)) is None:
        return _invalid("email_shape")
    name, _, tag = local.partition("+")
    kind = "free_mail" if is_free_mail(domain) else "role" if is_role(name, domain) else "personal"
    return Email(address, kind, domain, tag or None, key)


def _ascii_domain(domain: str) -> str | None:
    try:
        return validate_email(f"x@{domain}", check_deliverability=False).ascii_domain
    except (EmailNotValidError, UnicodeError):
        return None


def _invalid(reason: str) -> Email:
    return Email(None, "invalid", reason=reason)
