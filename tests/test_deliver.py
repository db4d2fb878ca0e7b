"""A delivery is whole or absent, once, bears nobody who has objected by the time it can be seen, and is written down."""

import csv
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyrage
import pytest

from base.refused import Refused
from delivery import deliver as delivering
from delivery import making, orders, published, targets
from delivery.deliver import Delivered, deliver
from delivery.group import parse
from delivery.manifest import Manifest
from delivery.picker import Picker
from ledger import disclosures, objections, recipients, store
from ledger import orders as ledger_orders
from ledger.orders import Accepted
from ledger.subjects import Told
from orchestration.publish import publish

NOW = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
GROUP: dict[str, Any] = {
    "version": 1, "name": "Päättäjät", "channels": ["email", "phone", "post"],
    "campaign": {"topic": "ohjelmistot", "override_reason": "the test asks everybody whatever their area"},
}  # fmt: skip


@pytest.fixture
def home(desk_lake: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A published lake with two recipients."""
    monkeypatch.setenv("KOHDE_CONTACT", "kiellot@kohde.example")
    for name in ("acme", "beta"):
        recipients.add(desk_lake, name, f"{name.title()} Oy", by_whom="a test")
    return desk_lake


def order(home: Path, name: str = "kirje", recipient: str = "acme", **spec: Any) -> orders.Order:
    wanted = orders.parse({"group": GROUP, "file": {"format": "csv"}} | spec)
    ledger_orders.add(
        home, name, recipient, wanted.canonical(), Accepted("1", "Ostaja Oskari", datetime(2026, 1, 2)), by_whom="a test"
    )
    return orders.one(home, name)


def no_one() -> None:
    raise AssertionError("nothing has moved")


def made(home: Path, wanted: orders.Order, period: str = "2026-01-05T06:00", **more: Any) -> Delivered:
    return deliver(home, wanted, period, **({"republish": no_one, "now": NOW} | more))


def rows(folder: str) -> list[dict[str, str]]:
    (data,) = Path(folder).glob("*.csv")
    with data.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def manifest(folder: str) -> Manifest:
    return Manifest.model_validate_json((Path(folder) / "manifest.json").read_text())


def test_what_is_delivered_is_what_passed_and_is_written_down(home: Path) -> None:
    told = made(home, order(home))
    assert sorted(path.name for path in Path(told.folder).iterdir()) == [
        "_READY", "checksums.sha256", "contract.yaml", "datapackage.json", "kohderyhma_acme_kirje_20260105_v01.csv",
        "manifest.json",
    ]  # fmt: skip
    subprocess.run(["sha256sum", "--check", "--quiet", "checksums.sha256"], cwd=told.folder, check=True)
    found, about = rows(told.folder), manifest(told.folder)
    with published.connect(home, "marketing") as db:
        passed = db.execute(
            "select count(distinct (person_id, business_id)) from marketing_contacts where person_id is not null"
        )
        assert [(len(found),)] == passed.fetchall() and len(found) == about.rows > 500
        emails = {value for (value,) in db.execute("select value from marketing_contacts where channel = 'email'").fetchall()}
    assert {row["sahkoposti"] for row in found if row["sahkoposti"]} <= emails
    assert about.suppression_version == store.suppression_head(home).version
    with published.desk(home) as desk:
        assert about.expected_bounce == {"email": pytest.approx(Picker(desk).count(parse(GROUP)).expected_bounce, abs=0.0005)}
    written = disclosures.to_recipient(home, "acme", datetime(2020, 1, 1))
    assert len(written) == len(found)
    assert {firm for _, firm in written} == {row["y_tunnus"] for row in found}
    assert hashlib.sha256((Path(told.folder) / "manifest.json").read_bytes()).hexdigest() == told.sha256


def test_no_manifest_tells_of_the_one_person_who_fell(home: Path) -> None:
    with published.desk(home) as desk:
        targets.make(desk, "person")
        ((postcode,), *_) = desk.execute("""
            select postcode from targets where postcode is not null
            group by 1 having count(*) filter (post_gate > 0) = 1 and count(*) > 1 order by 1""").fetchall()
    narrow = GROUP | {"channels": ["post"], "criteria": {"field": "postcode", "in": [postcode]}}
    about = manifest(made(home, order(home, group=narrow)).folder)
    assert about.rows > 0 and about.matching == [] and about.waterfall[-1].count == about.rows


def test_the_same_period_is_delivered_once_and_the_next_one_anew(home: Path) -> None:
    wanted = order(home)
    first, again, next_one = made(home, wanted), made(home, wanted), made(home, wanted, "2026-01-06T06:00")
    assert (first.is_new, again.is_new, next_one.is_new) == (True, False, True)
    assert again.delivery_id == first.delivery_id != next_one.delivery_id
    events = [row["what"] for row in ledger_orders.history(home, "kirje") if row["delivery_id"] == first.delivery_id]
    assert events == ["begun", "made", "sent"]


def test_each_recipient_knows_people_by_ids_of_their_own(home: Path) -> None:
    acme, beta = made(home, order(home)), made(home, order(home, "toinen", "beta"))
    ours, theirs = rows(acme.folder), rows(beta.folder)
    assert len(ours) == len(theirs)
    assert not {row["rivi_id"] for row in ours} & {row["rivi_id"] for row in theirs}
    assert not {row["kohdehenkilo_id"] for row in ours} & {row["kohdehenkilo_id"] for row in theirs}
    with published.connect(home, "registry") as db:
        people = {person for (person,) in db.execute("select person_id from decision_makers").fetchall()}
    text = (Path(acme.folder) / manifest(acme.folder).files[0].name).read_text("utf-8-sig")
    assert not [person for person in people if person in text], "the house's own ids stay in the house"


def test_the_same_inputs_are_the_same_bytes(home: Path, tmp_path: Path) -> None:
    wanted = order(home)
    shutil.copytree(home, tmp_path / "other" / "lake", symlinks=True)
    first, other = made(home, wanted), made(tmp_path / "other" / "lake", wanted)
    assert first.sha256 == other.sha256


def test_a_file_encrypted_for_its_recipient(home: Path) -> None:
    key = pyrage.x25519.Identity.generate()
    told = made(home, order(home, age_recipient=str(key.to_public())))
    (data,) = Path(told.folder).glob("*.age")
    assert not list(Path(told.folder).glob("*.csv"))
    text = pyrage.decrypt(data.read_bytes(), [key]).decode("utf-8-sig")
    assert text.startswith('"rivi_id"') and text.count("\r\n") == told.rows + 1
    assert manifest(told.folder).files[0].sha256 == hashlib.sha256(data.read_bytes()).hexdigest()


def test_nothing_goes_out_without_a_place_to_object_or_to_one_who_accepted_nothing(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = order(home, destination={"kind": "folder", "path": str(tmp_path)})
    monkeypatch.delenv("KOHDE_CONTACT")
    with pytest.raises(Refused, match="KOHDE_CONTACT"):
        made(home, wanted)
    assert not [path for path in (home / "deliveries").rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert disclosures.to_recipient(home, "acme", datetime(2020, 1, 1)) == set()


def test_nothing_goes_out_that_was_proven_against_a_ban_list_past_its_age(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up companies live on the lake's last day, real ones by the clock."""
    wanted, later = order(home), NOW + timedelta(days=60)
    monkeypatch.setenv("KOHDE_TODAY", "2026-03-06")
    with pytest.raises(Refused, match=r"ban list \w+ may be relied on until 2026-0\d-\d\d and it is 2026-03-06: land"):
        made(home, wanted)
    monkeypatch.setenv("KOHDE_TODAY", "in March")
    with pytest.raises(Refused, match="KOHDE_TODAY"):
        made(home, wanted)
    assert not [path for path in (home / "deliveries").rglob("*") if path.is_file() and path.suffix != ".lock"]
    monkeypatch.delenv("KOHDE_TODAY")
    assert made(home, wanted, "2026-03-06T06:00", now=later).rows > 500
    path = published.current(home) / "registry.duckdb"
    path.chmod(0o600)
    with duckdb.connect(str(path)) as db:
        first = "(select min(business_id) from organisations)"
        db.execute(f"update organisations set business_id = '0112038-9' where business_id = {first}")
    with pytest.raises(Refused, match="it is 2026-03-06"):
        made(home, wanted, "2026-03-06T07:00", now=later)
    assert made(home, wanted).rows > 500


def test_a_paused_order_delivers_nothing(home: Path) -> None:
    order(home)
    ledger_orders.set_state(home, "kirje", "paused", by_whom="a test")
    with pytest.raises(Refused, match="is paused"):
        made(home, orders.one(home, "kirje"))


def test_only_what_has_changed(home: Path) -> None:
    """A delta without a day between them is empty, the first is all; ids are the recipient's."""
    wanted = order(home, mode="delta")
    first, second = made(home, wanted), made(home, wanted, "2026-01-06T06:00", now=NOW + timedelta(days=1))
    assert {row["op"] for row in rows(first.folder)} == {"LISAYS"} and first.rows > 500
    assert second.rows == 0 and rows(second.folder) == []
    assert disclosures.rows_of(home, first.delivery_id) == first.rows and disclosures.rows_of(home, second.delivery_id) == 0


def test_who_is_due(home: Path) -> None:
    order(home, schedule="0 6 * * *")
    order(home, "kerran")
    added = orders.one(home, "kirje").added_at.replace(tzinfo=UTC)
    assert orders.due(home, added + timedelta(minutes=1)) == [] or added.hour == 3
    tomorrow = added + timedelta(days=1, minutes=1)
    ((wanted, period),) = orders.due(home, tomorrow)
    made(home, wanted, period)
    assert orders.due(home, tomorrow) == []
    assert orders.due(home, tomorrow - timedelta(days=1)) == []


# --- somebody objects meanwhile ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sending_lake(whole_lake: Path) -> Path:
    recipients.add(whole_lake, "acme", "Acme Oy", by_whom="a test")
    return whole_lake


def mailboxes(home: Path) -> list[str]:
    with published.connect(home, "marketing") as db:
        found = db.execute(
            "select min(value) from marketing_contacts where channel = 'email' and person_id is not null group by business_id"
        )
        return sorted(value for (value,) in found.fetchall())


def test_who_objects_while_the_file_is_made_is_not_in_it(sending_lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = order(sending_lake, "kilpa")
    first, *_, last = mailboxes(sending_lake)
    make, once = making.make, iter([last])

    def slow(home: Path, *rest: Any) -> Any:
        done = make(home, *rest)
        for mailbox in once:
            objections.add(home, Told(email=mailbox), evidence="a letter", by_whom="a test")
        return done

    monkeypatch.setattr(making, "make", slow)
    told = made(sending_lake, wanted, republish=lambda: publish(sending_lake))
    found = {row["sahkoposti"] for row in rows(told.folder)}
    assert first in found and last not in found
    assert manifest(told.folder).suppression_version == store.suppression_head(sending_lake).version
    assert len(ledger_orders.history(sending_lake, "kilpa", ["made"])) == 1


def test_who_objects_while_it_is_sent_is_not_in_what_arrives(
    sending_lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first file never appears; the one that does is another, without them."""
    far = tmp_path / "far"
    far.mkdir()
    wanted = order(sending_lake, "perille", destination={"kind": "folder", "path": str(far)})
    mailbox = mailboxes(sending_lake)[5]
    real, once = delivering.send, iter([mailbox])

    def slow(destination: Any, folder: Path, reveal: Any) -> str:
        for one in once:
            objections.add(sending_lake, Told(email=one), evidence="another letter", by_whom="a test")
        return real(destination, folder, reveal)

    monkeypatch.setattr(delivering, "send", slow)
    told = made(sending_lake, wanted, republish=lambda: publish(sending_lake))
    (arrived,) = far.iterdir()
    assert arrived.name == told.delivery_id and told.delivery_id.endswith("v02")
    assert mailbox not in {row["sahkoposti"] for row in rows(str(arrived))}
    assert [row["what"] for row in ledger_orders.history(sending_lake, "perille")] == [
        "begun", "made", "withdrawn", "begun", "made", "sent",
    ]  # fmt: skip
    assert {row["delivery_id"] for row in _disclosed(sending_lake, "perille")} == {told.delivery_id}


def _disclosed(home: Path, order_id: str) -> list[dict[str, Any]]:
    from ledger.tables import Disclosure

    return [row for row in store.rows(home, Disclosure) if row["order_id"] == order_id]


KILLED_AT = ["begun", "rendered", "state", "folder", "made", "sent"]
CHILD = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.test_deliver import NOW
from delivery import deliver as d, delta, making, orders
from base import files
home, at = Path(sys.argv[1]), sys.argv[2]
def after(module, name, when=lambda *a, **k: True):
    real = getattr(module, name)
    def dying(*a, **k):
        done = real(*a, **k)
        if when(*a, **k):
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    setattr(module, name, dying)
kinds = {{"begun": "begun", "made": "made", "sent": "sent"}}
if at in kinds:
    after(d.orders, "happened", lambda *a, **k: a[4] == kinds[at])
elif at == "rendered":
    after(making, "make")
elif at == "state":
    after(delta, "write")
else:
    after(files, "commit_folder")
d.deliver(home, orders.one(home, "kirje"), "2026-01-05T06:00", republish=lambda: None, now=NOW)
"""


@pytest.mark.parametrize("at", KILLED_AT)
def test_killed_at_any_step_it_is_delivered_once_and_written_down_whole(home: Path, at: str) -> None:
    wanted = order(home)
    code = CHILD.format(root=str(Path(__file__).parents[1]))
    killed = subprocess.run([sys.executable, "-c", code, str(home), at], env=os.environ | {"KOHDE_CONTACT": "x@y.example"})
    assert killed.returncode == -9
    told = made(home, wanted)
    folders = [path for path in (home / "deliveries" / "acme" / "kirje").iterdir() if not path.name.startswith(".")]
    assert [str(path) for path in folders] == [told.folder]
    assert len(_disclosed(home, "kirje")) == told.rows == len(rows(told.folder)) > 500
    assert len(ledger_orders.history(home, "kirje", ["sent"])) == 1
    assert not list((home / "deliveries").rglob("*.part"))


def test_two_deliverers_at_once_deliver_one_file(home: Path) -> None:
    order(home)
    code = (
        "import sys; from pathlib import Path; from delivery import deliver, orders; from tests.test_deliver import NOW\n"
        "told = deliver.deliver(Path(sys.argv[1]), orders.one(Path(sys.argv[1]), 'kirje'), '2026-01-05T06:00',"
        " republish=lambda: None, now=NOW)\nprint(told.is_new, told.sha256)"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
        )
        for _ in range(3)
    ]
    said = sorted(process.communicate(timeout=120)[0].split() for process in started)
    assert [new for new, _ in said] == ["False", "False", "True"] and len({sha for _, sha in said}) == 1
    assert len(_disclosed(home, "kirje")) > 500


def test_the_contract_and_package_name_the_file(home: Path) -> None:
    told = made(home, order(home))
    package = json.loads((Path(told.folder) / "datapackage.json").read_text())
    assert package["resources"][0]["path"] == manifest(told.folder).files[0].name
    with duckdb.connect() as db:
        path = str(Path(told.folder) / package["resources"][0]["path"])
        assert db.execute("select count(*) from read_csv(?, delim=';', all_varchar=true)", [path]).fetchall() == [(told.rows,)]


@pytest.mark.parametrize("limit", [1_000, 30_000, 400_000])
def test_a_full_disk_delivers_nothing_and_the_next_run_does(home: Path, limit: int) -> None:
    """The system's limit of a file's size stands for it: the ledger, a file of ours or the data is where it falls."""
    wanted = order(home)
    command = [sys.executable, "-m", "orchestration.cli", "deliver", "--order", wanted.order_id]
    environment = os.environ | {"KOHDE_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[1])}
    full = subprocess.run(
        command, env=environment, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert full.returncode == 1 and not full.stdout and len(full.stderr.splitlines()) == 1, full.stderr
    assert "--debug" not in full.stderr, "told as what it is, not as a defect"
    assert not [path for path in home.rglob("deliveries/**/*") if path.is_file() and path.suffix != ".lock"]
    assert disclosures.to_recipient(home, "acme", datetime(2020, 1, 1)) == set() and store.verify(home) == []
    told = made(home, wanted)
    assert told.is_new and disclosures.rows_of(home, told.delivery_id) == told.rows > 500
    assert not list(home.rglob("*.part")) and store.verify(home) == []


def test_a_firm_that_may_not_be_told_is_not_told_through_its_people(home: Path) -> None:
    """Who objects may stand in the firm's name, or live at its address: a colleague who passes does not bring them along."""
    folder = published.current(home)
    query = """
        select business_id from marketing_contacts inner join organisations using (business_id)
        where visiting_street is not null group by 1
        having bool_or(person_id is null and channel = 'post') and bool_or(person_id is not null and channel = 'post')
        order by 1"""
    with published.connect(home, "registry") as db:
        (hidden,), (unwritten,), *_ = db.execute(query).fetchall()
    for file, statement in (
        ("marketing", f"delete from organisations where business_id = '{hidden}'"),
        ("registry", f"delete from marketing_contacts where business_id = '{unwritten}' and person_id is null"),
    ):
        path = folder / f"{file}.duckdb"
        path.chmod(0o600)
        with duckdb.connect(str(path)) as db:
            db.execute(statement)
    found = rows(made(home, order(home)).folder)
    of_hidden = [row for row in found if row["y_tunnus"] == hidden]
    of_unwritten = [row for row in found if row["y_tunnus"] == unwritten]
    assert of_hidden and of_unwritten and any(row["kayntiosoite"] for row in found)
    for row in of_hidden:
        assert not row["yritys"] and not row["kayntiosoite"] and not row["www"] and row["sukunimi"]
        assert "yritys: ei luovuteta" in row["puuttuvat"] and not row["postirivi_3"], "two lines: the person and the place"
    for row in of_unwritten:
        assert row["yritys"] and not row["kayntiosoite"] and "kayntiosoite: ei luovuteta" in row["puuttuvat"]
