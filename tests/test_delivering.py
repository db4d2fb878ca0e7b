"""Orders, extracts, deliveries and recalls by their commands and in Dagster."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import openpyxl
import pytest

from delivery import orders, published
from delivery.counting import SMALL, SMALL_COUNTS
from ledger import orders as ledger_orders
from ledger import recipients
from orchestration import cli
from orchestration.definitions import deliveries
from tests.test_deliver import order

GROUP = """
version: 1
name: Talousjohto
channels: [email, phone]
campaign: {topic: taloushallinnon ohjelmistot, areas: [TALOUS, YLEISJOHTO]}
criteria: {field: area, in: [TALOUS, YLEISJOHTO]}
"""


@pytest.fixture
def home(desk_lake: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A published lake with one recipient, and a group in a file beside it."""
    recipients.add(desk_lake, "acme", "Acme Oy", by_whom="a test")
    (desk_lake.parent / "group.yml").write_text(GROUP, encoding="utf-8")
    monkeypatch.setenv("KOHDE_HOME", str(desk_lake))
    return desk_lake


Said = Callable[..., Any]


@pytest.fixture
def said(home: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """Run a command: what it answers as JSON, or the line it refuses with when that is awaited (code 1)."""

    def run(*arguments: str, code: int = 0) -> Any:
        with pytest.raises(SystemExit) as end:
            cli.main([*arguments, "--json"])
        told = capsys.readouterr()
        assert int(end.value.code or 0) == code, told.err
        return told.err.strip() if code else json.loads(told.out)

    return run


def test_an_extract_is_what_the_count_said(home: Path, said: Said) -> None:
    group = str(home.parent / "group.yml")
    counted = said("count", group, "--recipient", "acme")
    (told,) = said("extract", group, "--recipient", "acme", "--format", "xlsx", "--language", "sv")["deliveries"]
    (file,) = Path(told["folder"]).glob("*.xlsx")
    sheet = openpyxl.load_workbook(file, read_only=True).worksheets[0]
    shown = list(sheet.iter_rows(values_only=True))
    assert len(shown) - 1 == told["rows"] == counted["waterfall"][-1]["count"] > 20
    assert "fo_nummer" in shown[0] and all(isinstance(cell, str) for cell in [row[0] for row in shown])
    why = {str(row[shown[0].index("orsak")]) for row in shown[1:]}
    assert why and all("TALOUS" in one and "{" not in one for one in why), "in words, not in JSON"
    again = said("count", group, "--recipient", "acme")
    assert again["new_to_you"] == 0 < counted["new_to_you"]
    assert "did you mean acme" in said("extract", group, "--recipient", "acmee", code=1)
    assert "xls" in said("extract", group, "--recipient", "acme", "--format", "xls", code=1)


def test_an_order_from_its_file_to_its_end(home: Path, said: Said) -> None:
    path = home.parent / "order.yml"
    path.write_text('group: group.yml\nfile: {format: csv}\nmode: delta\nschedule: "0 6 * * 1"\n', encoding="utf-8")
    add = ("order", "add", "kirje", str(path), "--recipient", "acme", "--accepted-by", "Ostaja", "--by", "me")
    assert said(*add) == {"order": "kirje", "recipient": "acme", "terms": "1", "schedule": "0 6 * * 1"}
    assert said("deliver", "--due") == {"delivered": [], "failed": []}
    (told,) = said("deliver", "--order", "kirje")["deliveries"]
    (listed,) = said("order", "list")["orders"]
    assert (listed["state"], listed["last_delivery"]) == ("active", told["delivery_id"])
    assert said("recall")["deliveries"] == [] == said("recall", "--status")["unconfirmed"]
    assert said("recall", "--remind")["unconfirmed"] == []
    assert said("recall", "--confirm", told["delivery_id"], "--recipient", "acme") == {"confirmed": told["delivery_id"]}
    assert "was given no delivery" in said("recall", "--confirm", "x", "--recipient", "acme", code=1)
    assert said("order", "state", "kirje", "ended", "--by", "me")["state"] == "ended"
    assert "is ended" in said("deliver", "--order", "kirje", code=1)
    assert "say --due" in said("deliver", code=1)
    path.write_text("group: group.yml\nschedul: x\n", encoding="utf-8")
    assert "schedul" in said(*add, code=1)
    path.write_text('group: group.yml\nschedule: "every day"\n', encoding="utf-8")
    assert "is no schedule" in said(*add, code=1)


def test_a_customers_own_list_is_left_out_and_has_to_be_there(home: Path, said: Said) -> None:
    with published.connect(home, "marketing") as db:
        ((firm, count),) = db.execute("""
            select business_id, count(distinct person_id) from marketing_contacts where len(area_codes) > 0
            group by all order by 2 desc, 1 limit 1""").fetchall()
    group, mine = home.parent / "group.yml", home.parent / "asiakkaat.csv"
    group.write_text(
        GROUP.replace("criteria: {field: area, in: [TALOUS, YLEISJOHTO]}", "exclude: [asiakkaat]"), encoding="utf-8"
    )
    mine.write_text(f"Yritys;Y-tunnus\nJoku Oy;FI{firm.replace('-', '')}\n", encoding="utf-8")
    path = home.parent / "order.yml"
    add = ("order", "add", "omat", str(path), "--recipient", "acme", "--accepted-by", "Ostaja", "--by", "me")
    path.write_text("group: group.yml\nfile: {format: csv}\n", encoding="utf-8")
    assert "names asiakkaat" in said(*add, code=1)
    path.write_text(f"group: group.yml\nfile: {{format: csv}}\nlists: {{asiakkaat: '{mine}'}}\n", encoding="utf-8")
    said(*add)
    (told,) = said("deliver", "--order", "omat")["deliveries"]
    steps = json.loads((Path(told["folder"]) / "manifest.json").read_text())["waterfall"]
    at = "CUSTOMER_EXCLUSION" if count >= SMALL else SMALL_COUNTS
    assert {step["gate"]: step["count"] for step in steps}[at] > 0
    (data,) = Path(told["folder"]).glob("*.csv")
    assert told["rows"] > 100 and firm not in data.read_text("utf-8-sig")
    mine.unlink()
    assert "there is no file" in said("deliver", "--order", "omat", code=1)


def test_a_partition_for_each_delivery_and_a_check_that_reads_it_again(home: Path, tmp_path: Path) -> None:
    order(home, schedule="* * * * *")
    (wanted, period), *_ = orders.due(home, datetime.now(UTC) + timedelta(minutes=2))
    key = f"{wanted.order_id}@{period}"
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("deliveries", [key])
        done = dg.materialize(
            [deliveries.delivered_files, deliveries.delivered_file_reads_back], partition_key=key, instance=instance
        )
        assert done.success
        (event,) = done.asset_materializations_for_node("delivery__files")
        found = {name: value.value for name, value in event.metadata.items()}
        assert found["dagster/row_count"] > 500 and found["suppression_version"] and len(str(found["sha256"])) == 64
        (check,) = done.get_asset_check_evaluations()
        assert check.passed
    folder = Path(str(found["folder"]))
    (data,) = folder.glob("*.csv")
    data.write_bytes(data.read_bytes().replace(b"\r\n", b"\n", 1))
    assert deliveries.check_delivery(home, folder) == [f"{data.name} is not as it was sent"]
    (folder / "manifest.json").write_text("{}")
    assert "no manifest" in deliveries.check_delivery(home, folder)[0]


def test_the_sensor_asks_for_each_owed_delivery_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order(home, schedule="* * * * *")
    order(home, "toinen")

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(minutes=2)

    monkeypatch.setattr(deliveries, "datetime", Later)
    with dg.DagsterInstance.ephemeral() as instance:
        asked = deliveries.due_orders(dg.build_sensor_context(instance=instance))
        assert isinstance(asked, dg.SensorResult) and asked.run_requests
        assert [request.partition_key.split("@")[0] for request in asked.run_requests if request.partition_key] == ["kirje"]
    ledger_orders.set_state(home, "kirje", "paused", by_whom="a test")
    with dg.DagsterInstance.ephemeral() as instance:
        assert isinstance(deliveries.due_orders(dg.build_sensor_context(instance=instance)), dg.SkipReason)
