"""Who has to be told that they are in the register, until when, how and in which language (GDPR art. 14, at latest in a month).

Until it is done the gate NOTICE_DUE keeps the person out of everything that leaves for marketing.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from ledger import notices, store
from ledger.store import LedgerRefused
from ledger.tables import Notice
from orchestration import publish
from orchestration.state import Refused

DAYS = 30


def due(home: Path, today: date | None = None) -> list[dict[str, Any]]:
    """person_id, first_seen_on, days_left (negative: late), channel, language of everybody in the register not told yet.

    The channel is the first there is of e-mail, post to the organisation, and phone; the language the person's, else the
    organisation's. Raises Refused when nothing is published.
    """
    told = {row["person_id"] for row in store.rows(home, Notice)}
    day = today or datetime.now(UTC).date()
    with publish.connect(home, "registry") as db:
        try:
            found = db.execute(DUE, {"days": DAYS, "today": day})
        except duckdb.CatalogException:
            raise Refused("the published version knows no persons: run `kohde build` and `kohde publish`") from None
        names = [column for column, *_ in found.description or []]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return [row for row in rows if row["person_id"] not in told]


DUE = """
    with seen as (
        -- Of an interview the day it was held; a register's role begins long before we hear of it.
        select person_id, valid_from as first_seen_on from decision_maker_history where source_name = 'survey'
        union all
        select person_id, first_seen_on from responsible_persons
        union all
        select person_id, first_seen_on from contact_points where person_id is not null
    ),
    held as (
        select person_id, business_id from decision_makers
        union
        select person_id, business_id from responsible_persons where ended_on is null
    ),
    reached as (
        select person_id, any_value(language) as language, count(email) as emails, count(phone) as phones
        from decision_makers group by person_id
    )
    select
        held.person_id,
        min(seen.first_seen_on) as first_seen_on,
        $days - date_diff('day', min(seen.first_seen_on), $today) as days_left,
        case
            when max(reached.emails) > 0 then 'email' when max(organisations.postal_postcode) is not null then 'post'
            when max(reached.phones) > 0 then 'phone'
        end as channel,
        coalesce(max(reached.language), max(organisations.language), 'fi') as language
    from held
    left join seen on seen.person_id = held.person_id
    left join reached on reached.person_id = held.person_id
    left join organisations on organisations.business_id = held.business_id
    group by held.person_id
    order by days_left, held.person_id
"""


def sent(
    home: Path, persons: list[str], file: Path | None = None, *, all_due: bool = False, channel: str | None,
    language: str | None, exception_class: str | None = None, sent_on: date | None = None, by_whom: str,
) -> int:  # fmt: skip
    """Write down that persons were told: those named, those of a file (an id a line), or all who are due.

    With all_due each in the language that is theirs (only those of `language`, if given). Raises LedgerRefused, Refused.
    """
    named = [*persons, *((line.strip() for line in file.read_text(encoding="utf-8").splitlines()) if file else [])]
    given: dict[str, Any] = {"channel": channel, "sent_on": sent_on, "exception_class": exception_class, "by_whom": by_whom}
    if all_due:
        waiting = [row for row in due(home) if language in (None, row["language"])]
        languages = sorted({row["language"] for row in waiting})
        with store.holding(home):
            return sum(
                notices.sent(home, [row["person_id"] for row in waiting if row["language"] == one], language=one, **given)
                for one in languages
            )
    wanted = [person for person in named if person]
    if not wanted:
        raise LedgerRefused("say who was told: --person-id, --file or --all-due")
    return notices.sent(home, wanted, language=language, **given)
