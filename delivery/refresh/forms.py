r"""Normal forms for comparing a million rows with each other: DuckDB macros, coarser and faster than base/normalise.

Both sides of a comparison go through the same macro, so coarse does no harm: `plain` brings ä, ae and a together, `core` takes
legal forms off, `street` its ending, because `Koivukatu 5`, `KOIVUK. 5` and `koivu 5` are one place within a postcode.
They find and weigh; what is answered is always the register's own text.
"""

import duckdb

from base.normalise.address import town_keys
from base.normalise.data import words
from base.normalise.sql import register as register_normal_forms

# What a legal form is called in a name -> the class of forms that people mix up with each other.
LEGAL_FORMS = {
    "asunto oy": "housing", "bostads ab": "housing", "oyj": "company", "abp": "company", "oy": "company", "ab": "company",
    "ltd": "company", "inc": "company", "ky": "limited partnership", "kb": "limited partnership", "ay": "partnership",
    "tmi": "trader", "toiminimi": "trader", "ry": "association", "rf": "association", "osk": "cooperative",
    "osuuskunta": "cooperative", "andelslag": "cooperative", "sr": "foundation", "satio": "foundation",
}  # fmt: skip
_FORMS = "|".join(LEGAL_FORMS)
_CLASSES = " ".join(f"when '{word}' then '{kind}'" for word, kind in LEGAL_FORMS.items())
_ENDINGS = "katu|k|tie|t|gatan|g|vagen|v"

MACROS = {
    # Lower case ASCII, marks off. replace() because translate() and a regular expression cost five times as much.
    "ascii": "replace(replace(replace(strip_accents(lower(v)), 'ø', 'o'), 'æ', 'a'), 'ł', 'l')",
    # Doubled a and o undone (Mäki, Maeki, Maaki are one), T:mi and As. Oy as words that can be told from others.
    "plain": (
        "replace(regexp_replace(trim(replace(replace(replace(replace("
        "regexp_replace(ascii(v), '[^a-z0-9]+', ' ', 'g'), 'ae', 'a'), 'aa', 'a'), 'oe', 'o'), 'oo', 'o')),"
        " '^t mi | t mi$', ' tmi '), 'as oy', 'asunto oy')"
    ),
    "core": (
        rf"coalesce(nullif(trim(regexp_replace(regexp_replace(v, '\b({_FORMS}|asunto|ja|och|and)\b', '', 'g'),"
        " ' +', ' ', 'g')), ''), v)"
    ),
    "form": rf"case regexp_extract(v, '\b({_FORMS})\b') {_CLASSES} end",
    # Of ascii(): what stands before the number, without its ending.
    "street": (
        r"case when v similar to '(pl|pb|p\.? ?[lob]\.?|po box|p\.o\. ?box)[ .]*[0-9].*' then 'box' else nullif("
        "regexp_replace(replace(replace(regexp_extract(v, '^[^0-9]*[a-z]'), 'aa', 'a'), 'ae', 'a'),"
        f" ' ?({_ENDINGS})$', ''), '') end"
    ),
    "house": "nullif(regexp_extract(v, '[0-9]+'), '')",
    "site": r"nullif(regexp_extract(lower(v), '^\s*(?:https?://)?(?:www\.)?([a-z0-9.-]+\.[a-z]{2,})', 1), '')",
    # Finnish numbers only; the register's own are in E.164 already.
    "digits": "regexp_replace(v, '[^0-9]', '', 'g')",
    "line": (
        "if(length(digits(v)) between 6 and 16, '+358' || ltrim(regexp_replace(digits(v), '^(00)?358', ''), '0'), null)"
    ),
    "mailbox": "nullif(regexp_extract(lower(v), '[^\\s<>;,\"]+@[^\\s<>;,\"]+\\.[a-z]{2,}'), '')",
}  # fmt: skip


def prepare(db: duckdb.DuckDBPyConnection) -> None:
    """Make the macros of this connection, and the small tables that they are used with: `free_mail`, `town_keys`."""
    register_normal_forms(db)
    for name, expression in MACROS.items():
        db.execute(f"create or replace temp macro {name}(v) as {expression}")
    db.execute(
        "create or replace temp table free_mail as select unnest(?::varchar[]) as domain", [sorted(words("free_mail_domains"))]
    )
    # plain() of both sides: the keys there are folded otherwise.
    pairs = sorted(town_keys().items())
    db.execute(
        "create or replace temp table towns as select distinct plain(k) as told, plain(v) as town from"
        " (select unnest(?::varchar[]) as k, unnest(?::varchar[]) as v)"
        " qualify row_number() over (partition by plain(k) order by v) = 1",
        [[key for key, _ in pairs], [town for _, town in pairs]],
    )
