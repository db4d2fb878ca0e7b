"""Ban lists: which list, of which day, what is on it, and that nobody comes off it by accident."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from ingest import lake
from ingest.lake import LandingRefused
from ingest.source import Source
from ingest.sources.external_lists import loader

Send = Callable[..., list[lake.Manifest]]
NUMBERS = "Numero\n" + "".join(f"040 12345{n:02d}\n" for n in range(50))


@pytest.fixture
def send(tmp_path: Path) -> Send:
    def sent(text: str, name: str = "phone_ban_20261101.csv", **options: object) -> list[lake.Manifest]:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return loader.land(tmp_path / name, options.pop("as_of", None), tmp_path / "lake", **options)  # type: ignore[arg-type]

    return sent


def current(tmp_path: Path, name: str) -> set[tuple[str, str]]:
    """Who is banned by a list now."""
    files = tmp_path / "lake" / "raw" / "external_lists" / name / "load=*" / "*.parquet"
    rows = duckdb.sql(f"""select kind, value from read_parquet('{files}', union_by_name=true)
                          qualify row_number() over (partition by _key order by _load_id desc) = 1 and _op <> 'D'""")
    return set(rows.fetchall())


def ages(tmp_path: Path) -> dict[str, tuple[object, ...]]:
    files = tmp_path / "lake" / "raw" / "external_lists" / "lists" / "load=*" / "*.parquet"
    rows = duckdb.sql(f"""select list_id, list_date, stale_after, entries from read_parquet('{files}', union_by_name=true)
                          qualify row_number() over (partition by _key order by _load_id desc) = 1""").fetchall()
    return {row[0]: row[1:] for row in rows}


def quarantined(tmp_path: Path) -> list[tuple[object, ...]]:
    files = tmp_path / "lake" / "quarantine" / "external_lists" / "*" / "load=*" / "*.parquet"
    return duckdb.sql(f"select position % (1::bigint << 32), reason, path from read_parquet('{files}') order by all").fetchall()


def test_every_kind_in_normal_form(tmp_path: Path, send: Send) -> None:
    text = "E-mail;Puhelin;Y-tunnus;Nimi\n"
    text += 'Aino+uutiset@Firma.fi;0401234567;112038-9;Aino\n"x@y.fi, z@y.fi";;;\n;+46 8 123 456 78;;\n'
    (receipt, _) = send(text, "email_ban_20261101.csv")
    assert current(tmp_path, "email_ban") == {
        ("email", "aino@firma.fi"), ("phone", "+358401234567"), ("business_id", "0112038-9"), ("email", "x@y.fi"),
        ("email", "z@y.fi"), ("phone", "+46812345678"),
    }  # fmt: skip
    assert receipt.counts.read == 6 and receipt.counts.balanced() and receipt.as_of == "2026-11-01"
    assert "Aino" not in "".join(p.read_text() for p in (tmp_path / "lake" / "manifests").glob("*.json"))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("phone_ban_20261101.csv", "Numero\n0401234567\n", "2026-11-01"),
        ("phone_ban 2026-11-01.csv", "Numero\n0401234567\n", "2026-11-01"),
        ("Phone-Ban 1.11.2026.csv", "Numero\n0401234567\n", "2026-11-01"),
        ("phone_ban.csv", "Numero;Päivitetty\n0401234567;30.10.2026\n0401234568;1.11.2026\n", "2026-11-01"),
        ("phone_ban_20261105.csv", "Numero;Päivitetty\n0401234567;1.11.2026\n", "2026-11-01"),
    ],
)
def test_the_list_tells_its_own_day(tmp_path: Path, send: Send, name: str, text: str, expected: str) -> None:
    assert send(text, name)[0].as_of == expected
    day = date.fromisoformat(expected)
    assert ages(tmp_path)["phone_ban"][:2] == (day, day + timedelta(days=30))


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("phone_ban.csv", NUMBERS, "list_date_missing"),
        ("phone_ban_20261301.csv", NUMBERS, "list_date_missing"),
        ("phone_ban_20991101.csv", NUMBERS, "bad_date"),
        ("robinson_20261101.csv", NUMBERS, "list_unknown"),
        ("lists_20261101.csv", NUMBERS, "list_unknown"),
        ("phone_banana_20261101.csv", NUMBERS, "list_unknown"),
        ("phone_ban_20261101.csv", "Numero\n", "bounds"),
        ("phone_ban_20261101.csv", "0401234567\n", "header_mismatch"),
        ("phone_ban_20261101.csv", "Päivitetty\n1.11.2026\n", "header_mismatch"),
        ("phone_ban_20261101.csv", "Numero;Nimi\n0401234567;A\n04012345", "cut_off"),
        ("phone_ban_20261101.csv", "Numero\n" + "112\n" * 21, "bounds"),
    ],
)
def test_a_list_that_is_refused(tmp_path: Path, send: Send, name: str, text: str, reason: str) -> None:
    with pytest.raises(LandingRefused) as refusal:
        send(text, name)
    assert refusal.value.reason == reason and "0401234567" not in str(refusal.value)
    assert not list((tmp_path / "lake" / "raw").glob("external_lists/phone_ban/load=external*"))


def test_who_is_gone_from_a_list_is_banned_no_longer(tmp_path: Path, send: Send) -> None:
    send(NUMBERS)
    (receipt, _) = send(NUMBERS.replace("040 1234549\n", ""), "phone_ban_20261108.csv")
    assert (receipt.counts.disappeared, receipt.counts.unchanged) == (1, 49)
    assert len(current(tmp_path, "phone_ban")) == 49 and ages(tmp_path)["phone_ban"][2] == 49


def test_nobody_comes_off_while_an_entry_cannot_be_read(tmp_path: Path, send: Send) -> None:
    send(NUMBERS)
    (receipt, _) = send(NUMBERS.replace("040 1234549", "vaihteesta"), "phone_ban_20261108.csv")
    assert (receipt.counts.disappeared, receipt.counts.withheld, receipt.counts.quarantined) == (0, 1, 1)
    assert len(current(tmp_path, "phone_ban")) == 50
    assert quarantined(tmp_path) == [(51, "phone_shape", "phone")]


def test_a_list_a_tenth_shorter_or_older_is_refused_and_the_last_one_stays(tmp_path: Path, send: Send) -> None:
    send(NUMBERS)
    with pytest.raises(LandingRefused, match="shrink"):
        send("\n".join(NUMBERS.splitlines()[:40]) + "\n", "phone_ban_20261108.csv")
    with pytest.raises(LandingRefused, match="older_than_last"):
        send(NUMBERS, "phone_ban_20261025.csv")
    assert len(current(tmp_path, "phone_ban")) == 50 and ages(tmp_path)["phone_ban"][0] == date(2026, 11, 1)


def test_a_cell_that_cannot_be_read_takes_no_other_with_it(tmp_path: Path, send: Send) -> None:
    send("Numero;E-mail\n112;a@firma.fi\n0401234567;a@b\n")
    assert current(tmp_path, "phone_ban") == {("email", "a@firma.fi"), ("phone", "+358401234567")}
    assert quarantined(tmp_path) == [(2, "phone_short", "phone"), (3, "email_shape", "email")]


def test_every_configured_list_has_an_age_and_the_same_list_a_newer_one(tmp_path: Path, send: Send) -> None:
    send(NUMBERS)
    assert ages(tmp_path) == {
        "phone_ban": (date(2026, 11, 1), date(2026, 12, 1), 50), "email_ban": (None, None, 0),
        "organisation_ban": (None, None, 0),
    }  # fmt: skip
    (again, _) = send(NUMBERS)
    assert again.load_id == "external_lists-phone_ban-20261101-001", "the same list of the same day is the same load"
    (newer, _) = send(NUMBERS, "phone_ban_20261115.csv")
    assert (newer.counts.landed, newer.counts.unchanged) == (0, 50)
    assert ages(tmp_path)["phone_ban"][:2] == (date(2026, 11, 15), date(2026, 12, 15)), "checked anew"
    send("Y-tunnus\n0112038-9\n", "organisation_ban_20261102.csv")
    assert ages(tmp_path)["organisation_ban"] == (date(2026, 11, 2), date(2026, 12, 2), 1)


def test_a_repeated_entry_is_one(tmp_path: Path, send: Send) -> None:
    (receipt, _) = send("Numero\n0401234567\n+358 40 1234567\n")
    assert (receipt.counts.landed, receipt.counts.duplicates) == (1, 1) and len(current(tmp_path, "phone_ban")) == 1


def test_every_list_of_the_fact_sheet_has_an_age_limit() -> None:
    source = Source.load("external_lists")
    assert all(dataset.max_age_days for name, dataset in source.datasets.items() if name != loader.AGES)
