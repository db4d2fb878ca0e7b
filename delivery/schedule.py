"""When a standing order is due: cron lines in the time of Finland, summer time and all.

In spring a firing in the hour that is left out happens when that hour would have begun; in autumn one in the hour that comes
twice happens once (as Debian's cron does; the library is cronsim).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from base.refused import Refused

HELSINKI = ZoneInfo("Europe/Helsinki")


def check(line: str) -> str:
    """The cron line itself. Raises Refused for one that is none, or that never fires."""
    try:
        if len(line.split()) != 5:
            raise CronSimError("seconds are nobody's business")
        next(CronSim(line, datetime(2026, 1, 1, tzinfo=HELSINKI)))
    except (CronSimError, StopIteration):
        raise Refused(f"{line!r} is no schedule: five fields as of cron, such as `0 6 * * 1` for Mondays at six") from None
    return line


def firings(line: str, after: datetime, count: int) -> list[datetime]:
    """The next moments (time of Finland) after a moment with a zone."""
    return list(islice(_from(line, after), count))


def due(line: str, after: datetime, now: datetime) -> datetime | None:
    """The last firing after one moment and not after another, both with a zone: what was missed meanwhile is made up for once.

    None when nothing has fired; also when the clock was set back.
    """
    last = None
    for moment in _from(line, after):
        if moment.astimezone(UTC) > now.astimezone(UTC):
            return last
        last = moment
    return last


def period(moment: datetime) -> str:
    """The name of a firing: what has been delivered for it is not delivered again."""
    return moment.astimezone(HELSINKI).strftime("%Y-%m-%dT%H:%M")


def _from(line: str, after: datetime) -> Iterator[datetime]:
    return CronSim(check(line), after.astimezone(HELSINKI))
