"""One row of a leaked file names who received it; a decoy is nobody's, and in no count; licences end and are confirmed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from stdnum.fi import ytunnus

from delivery import decoys, licence, orders, published
from ledger import disclosures
from ledger import orders as ledger_orders
from orchestration import cli
from tests.test_deliver import NOW, home, made, manifest, order, rows  # noqa: F401


@pytest.fixture(autouse=True)
def mailboxes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOHDE_DECOY_DOMAIN", "seuranta.example")


def planted(folder: str) -> list[dict[str, str]]:
    return [row for row in rows(folder) if row["sahkoposti"].endswith("@seuranta.example")]


def test_a_decoy_is_one_row_that_nobody_pays_for(home: Path) -> None:  # noqa: F811
    told = made(home, order(home, price_per_row_eur=0.5))
    about, ((decoy), *others) = manifest(told.folder), planted(told.folder)
    assert others == [] and about.decoys.count == 1
    assert about.rows == told.rows == len(rows(told.folder)) - 1 == about.waterfall[-1].count
    assert about.prices[0].quantity == about.rows
    assert len(disclosures.to_recipient(home, "acme", datetime(2020, 1, 1))) == about.rows
    assert ytunnus.is_valid(decoy["y_tunnus"]) and decoy["y_tunnus"] > "99"
    with published.connect(home, "registry") as db:
        assert db.execute("select * from organisations where business_id = ?", [decoy["y_tunnus"]]).fetchall() == []
        names = db.execute("select first_name || last_name from decision_makers").fetchall()
    assert (decoy["etunimi"] + decoy["sukunimi"],) not in names
    assert not decoy["puhelin"] and not decoy["postirivi_1"], "nothing that could reach somebody else"


def test_one_leaked_row_names_the_recipient(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    acme, beta = made(home, order(home)), made(home, order(home, "toinen", "beta", file={"format": "xlsx"}))
    (decoy,) = planted(acme.folder)
    without_ids = ";".join(decoy[name] for name in ("yritys", "y_tunnus", "etunimi", "sukunimi", "sahkoposti"))
    ((found),) = decoys.trace(home, without_ids)
    assert (found.recipient_name, found.delivery_id, found.by) == ("Acme Oy", acme.delivery_id, "decoy")
    ordinary = next(row for row in rows(acme.folder) if row != decoy)
    ((found),) = decoys.trace(home, f"x,{ordinary['rivi_id']},y")
    assert (found.recipient_id, found.by) == ("acme", "row_id")
    (sheet,) = Path(beta.folder).glob("*.xlsx")
    assert {one.recipient_id for one in decoys.trace(home, decoys.read(sheet))} == {"beta"}
    assert decoys.trace(home, "nothing of ours; t_" + "a" * 24) == []
    path = tmp_path / "leaked.csv"
    path.write_text(without_ids, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        patch.setenv("KOHDE_HOME", str(home))
        cli.main(["leak", str(path)])
    assert "Acme Oy" in capsys.readouterr().out


def test_an_order_of_changes_has_one_from_its_first_file_on(home: Path) -> None:  # noqa: F811
    """It is added like everybody, then nothing is said of it: whatever leaks of the copy, and whenever, names its recipient."""
    first = made(home, order(home, mode="delta"))
    (decoy,) = planted(first.folder)
    assert decoy["op"] == "LISAYS" and manifest(first.folder).decoys.count == 1
    assert first.rows == len(rows(first.folder)) - 1 == disclosures.rows_of(home, first.delivery_id)
    path = published.current(home) / "registry.duckdb"
    path.chmod(0o600)
    with duckdb.connect(str(path)) as db:
        first_person = "(select min(person_id) from marketing_contacts where channel = 'email')"
        db.execute(f"update marketing_contacts set title = 'uusi titteli' where person_id = {first_person}")
    later = made(home, orders.one(home, "kirje"), "2026-01-06T06:00", now=NOW + timedelta(days=1))
    said = rows(later.folder)
    assert (
        later.rows == len(said) > 0
        and any(row["sahkoposti"] for row in said)
        and decoy["rivi_id"] not in {row["rivi_id"] for row in said}
    )
    assert planted(later.folder) == [] and manifest(later.folder).decoys.count == 0
    for leaked in (decoy["rivi_id"], f"{decoy['y_tunnus']};{decoy['sukunimi']}"):
        ((found),) = decoys.trace(home, leaked)
        assert (found.delivery_id, found.recipient_id, found.by) == (first.delivery_id, "acme", "decoy")


def test_without_mailboxes_there_are_no_decoys(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.delenv("KOHDE_DECOY_DOMAIN")
    told = made(home, order(home, "toinen"))
    assert manifest(told.folder).decoys.count == 0 and len(rows(told.folder)) == told.rows


def test_a_licence_runs_out_is_reminded_of_once_and_confirmed(home: Path) -> None:  # noqa: F811
    told = made(home, order(home, licence_days=30))
    end = NOW + timedelta(days=30)
    assert told.valid_until == end.date() and {row["voimassa_asti"] for row in rows(told.folder)} == {str(end.date())}

    def state(days: int) -> str:
        (one,) = licence.every(home, end + timedelta(days=days))
        return one.state

    assert [state(days) for days in (-8, -7, 0, 1)] == ["running", "ending", "ending", "ended"]
    assert licence.remind(home, end - timedelta(days=8)) == []
    assert [one.delivery_id for one in licence.remind(home, end - timedelta(days=7))] == [told.delivery_id]
    assert licence.remind(home, end) == []
    disclosures.acknowledge(home, told.delivery_id, "acme", "destroyed")
    assert state(100) == "destroyed"


def test_changes_renew_the_licence_of_what_was_not_removed(home: Path) -> None:  # noqa: F811
    wanted = order(home, mode="delta", licence_days=30)
    made(home, wanted)
    made(home, wanted, "2026-01-26T06:00", now=datetime(2026, 1, 26, 6, tzinfo=UTC))
    first, second = licence.every(home, NOW + timedelta(days=40))
    assert (first.state, second.state) == ("renewed", "running")
    assert len(ledger_orders.history(home, "kirje", ["sent"])) == 2
    with (Path(home) / "delivered" / "kirje" / f"{first.delivery_id}.parquet").open("rb") as file:
        assert file.read(4) == b"PAR1"
