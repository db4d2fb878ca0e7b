"""Standing orders fire in the time of Finland: on the days that the clocks turn too, once each, and missed ones once."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.refused import Refused
from delivery import schedule

LINES = ["0 6 * * *", "30 3 * * *", "15 3 * * 0", "0 */6 * * *", "0 6 1 * *", "0 6 * * 1-5"]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=schedule.HELSINKI)


def test_six_oclock_is_six_oclock_in_summer_and_winter() -> None:
    found = schedule.firings("0 6 * * *", moment("2026-03-28T12:00"), 2)
    assert [one.hour for one in found] == [6, 6]
    assert [one.astimezone(UTC).hour for one in found] == [3, 3], "the clocks went forward that night"
    assert schedule.firings("0 6 * * *", moment("2026-10-24T12:00"), 1)[0].astimezone(UTC).hour == 4


def test_an_hour_that_is_left_out_or_comes_twice_fires_once() -> None:
    spring = schedule.firings("30 3 * * *", moment("2026-03-28T04:00"), 2)
    assert [one.date().isoformat() for one in spring] == ["2026-03-29", "2026-03-30"]
    autumn = schedule.firings("30 3 * * *", moment("2026-10-24T04:00"), 2)
    assert [one.date().isoformat() for one in autumn] == ["2026-10-25", "2026-10-26"]


def test_what_was_missed_is_made_up_for_once() -> None:
    added, now = moment("2026-01-01T00:00"), moment("2026-01-05T07:00")
    last = schedule.due("0 6 * * *", added, now)
    assert last and schedule.period(last) == "2026-01-05T06:00"
    assert schedule.due("0 6 * * *", last, now) is None
    assert schedule.due("0 6 * * *", last, moment("2026-01-03T12:00")) is None, "the clock was set back"
    assert schedule.due("0 6 * * *", added, moment("2026-01-01T05:59")) is None


@given(st.sampled_from(LINES), st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)), st.integers(1, 900))
def test_every_firing_is_due_once_whenever_somebody_looks(line: str, start: datetime, step: int) -> None:
    """Looking often finds each firing once, and never one of the future."""
    now = start.replace(tzinfo=UTC)
    last, seen = now, []
    for _ in range(40):
        now += timedelta(minutes=step)
        if found := schedule.due(line, last, now):
            assert last < found <= now
            seen.append(schedule.period(found))
            last = found
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("line", ["", "6", "61 * * * *", "0 6 31 2 *", "every day", "0 6 * * * *"])
def test_what_is_no_schedule_is_refused(line: str) -> None:
    with pytest.raises(Refused, match="is no schedule"):
        schedule.check(line)
