"""Notices: that a person was told where the data come from and what they are for (GDPR art. 14), or why that is not needed.

What is recorded is that it was done, by which channel and in which language; the sending is somebody else's.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from ledger import chain, store
from ledger.store import LedgerRefused
from ledger.tables import Notice

CHANNELS = ("email", "phone", "post")
LANGUAGES = ("fi", "sv", "en")
EXCEPTIONS = {
    "14_5_a": "the person has the information already",
    "14_5_b": "it is impossible or out of proportion: an officer of a register without any contact point",
    "14_5_c": "a law that protects the person's interests says that the data are obtained or disclosed",
    "14_5_d": "the data must stay confidential by a duty of secrecy",
}
"""GDPR art. 14(5): when no notice is needed. A class is recorded like a notice, with who decided."""


def sent(
    home: Path, person_ids: Sequence[str], *, channel: str | None = None, language: str | None = None,
    sent_on: date | None = None, exception_class: str | None = None, by_whom: str,
) -> int:  # fmt: skip
    """Write down that these persons were told, or why they need not be; returns how many.

    Raises LedgerRefused without a channel and a language (or an exception class), or for a day that has not come.
    """
    if exception_class is None and (channel not in CHANNELS or language not in LANGUAGES):
        raise LedgerRefused(
            f"say how ({', '.join(CHANNELS)}) and in which language ({', '.join(LANGUAGES)}), or which exception"
        )
    if exception_class is not None and exception_class not in EXCEPTIONS:
        raise LedgerRefused(f"{exception_class!r} is none of {', '.join(EXCEPTIONS)}")
    day = sent_on or chain.now().date()
    if day > chain.now().date():
        raise LedgerRefused(f"{day} has not come yet: a notice counts when it was sent")
    if not by_whom.strip():
        raise LedgerRefused("say by whom: a notice without it cannot be checked later")
    given = {"channel": channel, "language": language, "sent_on": day, "exception_class": exception_class}
    new = [{"person_id": one, "by_whom": by_whom.strip(), **given} for one in dict.fromkeys(person_ids)]
    if new:
        with store.connect(home) as session:
            store.add(session, "notice", {Notice: new})
    return len(new)
