"""Refusals in the language of the page. The parts of the house say theirs in English, one line each (base/refused.py); what is
a kind of its own here is said by texts.csv, with criteria called as the page calls them. Any other stays in English, marked.
"""

import re

from markupsafe import Markup

from delivery import criteria
from delivery.columns import Language
from delivery.service.page.texts import Words

WHAT = r"(?P<what>[\w. -]+?)"
KINDS = tuple(
    (kind, re.compile(pattern, re.DOTALL))
    for kind, pattern in (
        ("unknown_near", WHAT + r" '(?P<word>.*)' is not known; did you mean (?P<near>[^(]+?)(?: \((?P<name>.*)\))?\?"),
        ("unknown_of", WHAT + r" '(?P<word>.*)' is not known; there are (?P<all>.*)"),
        ("unknown", WHAT + r" '(?P<word>.*)' is not known"),
        ("takes_date", WHAT + r" takes a date, not (?P<word>.*)"),
        ("takes_number", WHAT + r" takes an? [\w ]+, not (?P<word>.*)"),
        ("least", WHAT + r": input should be greater than or equal to (?P<n>.*)"),
        ("most", WHAT + r": input should be less than or equal to (?P<n>.*)"),
        ("upside_down", r"between (?P<low>.*) and (?P<high>.*): the lower end comes first"),
        ("of_persons", WHAT + r" is about persons, and the group picks organisations \(unit\)"),
        ("no_history", WHAT + r" is not kept in the history, so it cannot be asked as of (?P<day>[\d-]+)"),
        ("too_many_values", r"more than (?P<n>[\d,]+) values: .*"),
        ("no_address", r"this group does not fit into an address: .*"),
        ("no_yaml", r"(?P<file>.*) is neither YAML nor JSON.*"),
        ("no_group", r"a target group is a mapping of .*|tree takes JSON"),
        ("compare", r"compare (?P<low>\d) to (?P<high>\d) groups"),
        ("no_list", r"there is no list '(?P<word>.*)'(?:: upload it first)?"),
        ("list_gone", r"a list was removed meanwhile: count again"),
        ("list_name", r"a list's name is of small letters, digits and hyphens"),
        ("lists_full", r"(?P<n>\d+) lists are kept already: remove one first"),
        ("groups_full", r"(?P<n>\d+) groups are kept already: remove one first"),
        ("file_kind", r"a file is CSV .*"),
        ("list_columns", r"(?P<file>.*): no column of business ids or e-mail addresses"),
        ("register_columns", r"no column holds a name, .*"),
        ("file_empty", r"empty: (?P<file>.*?): .*"),
        ("file_large", r"(?:too_large|too_many_rows|too_many_columns): (?P<file>.*?): .*"),
        ("file_other", r"format_mismatch: (?P<file>.*?): .*"),
        ("file_encoding", r"encoding: (?P<file>.*?): .*"),
        ("file_macros", r"macros: (?P<file>.*?): .*"),
        ("file_broken", r"(?:bad_zip|bad_workbook|zip_layout|xml_forbidden): (?P<file>.*?): .*"),
        ("too_large", r"at most (?P<n>[\d,]+) bytes"),
        ("objected_since", r"somebody has objected since the last publication: .*"),
        ("unpublished", r"nothing is published in .*"),
        ("answer_no_more", r"this answer may not be used any more .*|the answer is no longer kept: .*"),
        ("no_more_use", r"this file may not be used any more .*"),
        ("licence_ended", r"the licence ended on (?P<day>[\d-]+)"),
        ("rows_a_day", r"(?P<n>[\d,]+) rows; (?P<left>[\d,]+) of (?P<most>[\d,]+) rows a day are left"),
        ("too_often", r"too many requests: .*"),
        ("too_many_failures", r"too many failed attempts: .*"),
        ("at_once", r"(?P<n>\d+) (?:refreshes |orders )?at once are enough: .*"),
        ("terms", r"the terms in force are version (?P<word>.*?): .*"),
        ("no_delta", r"a random sample has no delta: .*"),
        ("order_ended", r"order .* has ended: .*"),
        ("other_order", r"this Idempotency-Key belongs to another order"),
        ("accesses_full", r"(?P<n>\d+) accesses are open already: end one first"),
        ("confirm", r"confirm with the id of the person: .*"),
        ("revoked_before", r"this was told before as objection (?P<n>\d+), .*"),
        ("say_why", r"say by whom and why: .*"),
        ("no_field", r"'(?P<word>.*)' cannot be corrected of .*"),
        ("no_key", r"no such key, or it has ended"),
        ("not_let_in", r"nobody has let this address in: .*"),
        ("provider_answer", r"the provider's answer does not hold: .*"),
        ("provider_silent", r"the provider cannot be reached: .*"),
        ("role", r"the role \w+ may not do this|this is for recipients"),
        ("sign_in", r"sign in, or send a key: .*"),
        ("other_site", r"the request comes from another site"),
        ("ledger", r"the ledger cannot be reached"),
        ("secret", r"the service has no secret: .*"),
        ("ours", r"a fault of ours; .*"),
        ("not_described", r"the request is not as the API describes it"),
        ("not_there", r"there is no .*|Not Found|Method Not Allowed"),
        ("splits", r"TOL 2008 (?P<word>\S+) splits into (?P<all>.*)"),
        ("takes_in", r"TOL 2025 (?P<word>\S+) also takes in TOL 2008 (?P<all>.*)"),
        ("bands", r"staff is known in bands: (?P<all>.*) is taken whole"),
    )
)  # fmt: skip
"""What kinds there are, the nearest first."""
FILE = re.compile(r"(?:YAML|[^:\n]+\.(?:ya?ml|json)): (.*)", re.DOTALL)
FIELDS = {"n": "sample_n", "cap": "cap_max", "seed": "seed", "months": "months", "cells": "cells", "hold_out": "hold_out",
          "as_of": "as_of_day", "sample.n": "sample_n", "sample.seed": "seed", "sample.hold_out": "hold_out",
          "sample.cells": "cells", "per_company.max": "cap_max", "not_delivered_months": "months", "criterion": "criterion",
          "key": "criterion", "campaign area": "about"}  # fmt: skip
"""What a field of the form is called."""


def said(detail: str, language: Language) -> str | Markup:
    """A refusal for a person who reads this language."""
    if language == "en":
        return detail
    if in_file := FILE.fullmatch(detail):
        return said(in_file[1], language)
    words = Words(language)
    for kind, pattern in KINDS:
        if found := pattern.fullmatch(detail):
            return words(f"refusal.{kind}", **{key: _told(key, value, words) for key, value in found.groupdict().items()})
    return Markup('{} <span lang="en">{}</span>').format(words("refusal_other"), detail)


def _told(key: str, value: str | None, words: Words) -> str:
    """A part of a line, as a person reads it."""
    if value is None:
        return ""
    if key == "what":
        bare = value.strip()
        known = criteria.catalogue().get(bare)
        return known.names[words.language] if known else words(FIELDS[bare]) if bare in FIELDS else bare
    if key == "near":
        known = criteria.catalogue().get(value)
        return known.names[words.language] if known else value
    if key == "name":
        return f" ({value})"
    if key == "day":
        return ".".join(str(int(part)) for part in reversed(value.split("-")))
    return value.strip("'").replace(",", "\N{NO-BREAK SPACE}") if key in ("n", "left", "most") else value.strip("'")
