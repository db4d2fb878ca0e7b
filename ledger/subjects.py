"""Whom a promise is about, as keys: the one place that says which texts they are made of.

A key is `keyed('subject', '<kind>|<normal form>')`, so that keys of different kinds never meet. SQL makes the same texts by the
macros in dbt_project/macros/subject_keys.sql; a test holds the two together.

A name has a set of keys (base.normalise.name_keys). The side of the promise keeps a key for each of them and for their folded
forms; the data's side needs the folded name alone, unless the name has a letter that is also written as another one
(`ambiguous`): then it too makes all. With these two halves any two spellings that share a key meet.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from base.normalise import address_key, business_id, email, name_fold, name_keys, phone
from base.normalise.email import email_key, is_free_mail
from ledger import keys as secrets

WEAK = ("name",)
"""Kinds that never say by themselves that two are one: a person decides (REVIEW)."""

SHARED_BY = 3
"""A number or mailbox of more persons than that tells nobody apart: a switchboard's, a desk's (in SQL: most_holders)."""

BY_SCOPE = {
    "person": ("email", "phone", "registry", "name_org", "name_birth", "name_domain", "name"),
    "organisation": ("organisation",),
    "domain": ("domain",),
    "phone": ("phone",),
    "email": ("email",),
    "address": ("address",),
}
"""What an objection of a scope is known by, beside a person_id: that of a person at a company says nothing of the company."""

AMBIGUOUS = "åæøœüßšžþ"
_AMBIGUOUS = re.compile(f"[{AMBIGUOUS}]")


@dataclass(frozen=True)
class Told:
    """What is told of somebody, in any spelling."""

    email: str | None = None
    phone: str | None = None
    name: str | None = None
    business_id: str | None = None
    birth_date: date | None = None
    domain: str | None = None
    address: str | None = None
    postcode: str | None = None
    register_id: str | None = None
    person_id: str | None = None


def keys(told: Told, scope: str = "person", secret: secrets.Key | None = None) -> list[tuple[str, str]]:
    """Kind and key of everything by which what is told can be found in that scope; a person_id is its own key.

    secret: by default the newest. Raises ValueError for a scope that there is not, keys.SecretMissing.
    """
    return keys_of_texts(texts(told), told, scope, secret)


def keys_of_texts(
    made_of: list[tuple[str, str]], told: Told, scope: str, secret: secrets.Key | None = None
) -> list[tuple[str, str]]:
    """As keys, of the texts of what is told: for who needs both."""
    found = [(kind, text) for kind, text in made_of if kind in BY_SCOPE[scope]]
    made = (secret or secrets.current()).keyed([f"{kind}|{text}" for kind, text in found], "subject")
    keyed = [(kind, key) for (kind, _), key in zip(found, made, strict=True) if key]
    return keyed + ([("person", told.person_id)] if told.person_id and scope == "person" else [])


def texts(told: Told) -> list[tuple[str, str]]:
    """Kind and normal form of what is told, each once; what has no normal form is left out."""
    address = email(told.email).key or email_key(told.email)
    number = phone(told.phone).e164
    organisation = business_id(told.business_id)
    domain = own_domain(told.domain) or own_domain(address.rpartition("@")[2] if address else None)
    at = address_key(told.address)
    found = [
        ("email", address),
        ("phone", number),
        ("registry", told.register_id),
        ("organisation", organisation),
        ("domain", domain),
        ("address", f"{at}|{told.postcode.strip()}" if at and told.postcode else None),
    ]
    for name in sorted(promised_name_keys(told.name)):
        found += [
            ("name_org", organisation and f"{name}|{organisation}"),
            ("name_birth", f"{name}|{told.birth_date.isoformat()}" if told.birth_date else None),
            ("name_domain", domain and f"{name}|{domain}"),
            ("name", name),
        ]
    return [(kind, text) for kind, text in dict.fromkeys(found) if text]


def promised_name_keys(name: str | None) -> frozenset[str]:
    """Keys of a name on the side of a promise: all of them, and each folded (Åberg Saarinen, Oberg Saarinen).

    Of somebody with several forenames also with the first one alone, as most people are known: the surname is the last word
    or the first.
    """
    words = name.replace(",", " ").split() if name else []
    ways = [name, f"{words[0]} {words[-1]}", f"{words[0]} {words[1]}"] if len(words) > 2 else [name]
    spelled = frozenset[str]().union(*map(name_keys, ways))
    return spelled | {folded for key in spelled if (folded := name_fold(key))}


def data_name_keys(name: str | None) -> frozenset[str]:
    """Keys of a name on the side of the data: the folded one, and all when the name has a letter of several spellings."""
    if name and _AMBIGUOUS.search(unicodedata.normalize("NFC", name).lower()):
        return name_keys(name)
    folded = name_fold(name)
    return frozenset([folded] if folded else [])


def own_domain(domain: str | None) -> str | None:
    """A domain in its ASCII form, if it is one of somebody's own: never one that gives addresses to anybody."""
    if not domain:
        return None
    found = email(f"x@{domain.strip(' @')}").domain
    return found if found and not is_free_mail(found) else None


def strong(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The keys that find somebody without a person's decision."""
    return [(kind, key) for kind, key in pairs if kind not in WEAK]
