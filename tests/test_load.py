"""The raw zone's laws, on tables small enough to replay in one's head."""

import json
import multiprocessing
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.lake import Counts, LandingRefused, Manifest, manifests, prepare
from ingest.load import Load, land_table
from ingest.source import Bounds, Dataset, Source

DAY = date(2026, 1, 2)
THINGS = Dataset(
    description="things", key=["id"], columns={"id": "VARCHAR", "value": "INTEGER"}, bounds=Bounds(shrink=1, grow=100)
)
SOURCE = Source.load("ytj").model_copy(update={"name": "made_up", "datasets": {"things": THINGS}})


def land(
    home: Path, rows: dict[str, int], day: date = DAY, *, bad: int = 0, source: Source = SOURCE, **options: object
) -> Manifest:
    """Land `rows` and `bad` refused records as the whole dataset of a day; the file is what a publisher might have sent."""
    file = home.parent / "received.json"
    file.write_text(json.dumps([rows, bad, str(day)]))
    table = pa.table(
        {
            "id": pa.array(rows, pa.string()),
            "value": pa.array(rows.values(), pa.int32()),
            "_position": pa.array(range(len(rows)), pa.int64()),
        }
    )
    refused = pa.table(
        {
            "_position": pa.array(range(len(rows), len(rows) + bad), pa.int64()),
            "_key": pa.nulls(bad, pa.string()),
            "_reason": ["broken"] * bad,
            "_path": ["value"] * bad,
            "_original": [f"record {i} of {day}" for i in range(bad)],
        }
    )
    return land_table(source, "things", table, day, files=[file], home=home, refused=refused, **options)  # type: ignore[arg-type]


def raw(home: Path, columns: str = "_op, _key, value") -> list[tuple[object, ...]]:
    files = home / "raw" / "made_up" / "things" / "load=*" / "*.parquet"
    return duckdb.sql(f"select {columns} from read_parquet('{files}', union_by_name=true) order by _load_id, _key").fetchall()


def state(home: Path) -> dict[str, int]:
    """The dataset as the loads tell it, replayed in plain Python."""
    current: dict[str, int] = {}
    for op, key, value in raw(home):
        current.pop(str(key), None)
        if op != "D":
            current[str(key)] = value  # type: ignore[assignment]
    return current


def test_only_inserted_changed_and_disappeared_records_land(tmp_path: Path) -> None:
    home = tmp_path / "lake"
    land(home, {"a": 1, "b": 2, "c": 3})
    manifest = land(home, {"a": 1, "b": 20, "d": 4}, DAY + timedelta(1))
    assert manifest.counts == Counts(read=3, landed=2, unchanged=1, inserted=1, updated=1, disappeared=1)
    assert raw(home)[3:] == [("U", "b", 20), ("D", "c", None), ("I", "d", 4)]


def test_what_disappeared_and_comes_back_is_inserted_again(tmp_path: Path) -> None:
    home = tmp_path / "lake"
    for offset, rows in enumerate([{"a": 1}, {"b": 1}, {"a": 1, "b": 1}]):
        land(home, rows, DAY + timedelta(offset))
    assert [op for op, key, _ in raw(home) if key == "a"] == ["I", "D", "I"]


def test_disappearance_is_not_believed_while_a_record_cannot_be_identified(tmp_path: Path) -> None:
    home = tmp_path / "lake"
    land(home, {"a": 1, "b": 2})
    doubtful = land(home, {"a": 1}, DAY + timedelta(1), bad=1)
    assert (doubtful.counts.disappeared, doubtful.counts.withheld) == (0, 1)
    still = land(home, {"a": 1}, DAY + timedelta(1), bad=1, accept_bounds=None)
    assert still.counts.disappeared == 0, "the same doubtful record again is no proof either"
    assert land(home, {"a": 1}, DAY + timedelta(2)).counts.disappeared == 1


def test_a_person_may_believe_a_disappearance(tmp_path: Path) -> None:
    home = tmp_path / "lake"
    land(home, {"a": 1, "b": 2})
    assert land(home, {"a": 1}, DAY + timedelta(1), bad=1, accept_bounds="b was merged").counts.disappeared == 1


def test_a_record_refused_the_same_way_again_hides_nothing(tmp_path: Path) -> None:
    home = tmp_path / "lake"
    file_of_every_day = pa.table(
        {"_position": [9], "_key": pa.nulls(1, pa.string()), "_reason": ["r"], "_path": ["p"], "_original": ["x"]}
    )
    for offset, keys in enumerate([["a", "b"], ["a", "b"], ["a"]]):
        file = tmp_path / "f"
        file.write_text(str(offset))
        rows = pa.table({"id": keys, "value": [1] * len(keys), "_position": list(range(len(keys)))})
        day = DAY + timedelta(offset)
        manifest = land_table(SOURCE, "things", rows, day, files=[file], home=home, refused=file_of_every_day)
    assert manifest.counts.disappeared == 1


@pytest.mark.parametrize(
    ("bounds", "first", "second", "bound"),
    [
        ({"shrink": 0.02}, 100, 97, "shrink"),
        ({"grow": 0.10}, 2000, 2201, "grow"),
        ({"quarantined": 0.01, "quarantined_allowance": 1}, 10, 10, "quarantined"),
    ],
)
def test_a_load_out_of_bounds_is_kept_aside_and_the_last_one_stays(
    tmp_path: Path, bounds: dict[str, float], first: int, second: int, bound: str
) -> None:
    home = tmp_path / "lake"
    dataset = THINGS.model_copy(update={"bounds": Bounds(**bounds)})  # type: ignore[arg-type]
    source = SOURCE.model_copy(update={"datasets": {"things": dataset}})
    land(home, {str(i): i for i in range(first)}, source=source)
    before = raw(home)
    bad = 2 if bound == "quarantined" else 0
    with pytest.raises(LandingRefused, match=f"{bound} "):
        land(home, {str(i): -i for i in range(second)}, DAY + timedelta(1), source=source, bad=bad)
    assert raw(home) == before
    rejected = manifests(home)[-1]
    assert rejected.verdict == "rejected" and [b["bound"] for b in rejected.bounds if not b["passed"]] == [bound]
    aside = home / "aside" / "made_up" / "things" / f"load={rejected.load_id}"
    assert list(aside.glob("*.parquet")), "what was refused is kept for a person to look at"
    accepted = land(
        home, {str(i): -i for i in range(second)}, DAY + timedelta(1), source=source, bad=bad, accept_bounds="checked by phone"
    )
    assert accepted.verdict == "accepted" and "checked by phone" in accepted.warnings[0]


def test_floor_and_ceiling_hold_for_the_publishers_own_register_only(tmp_path: Path) -> None:
    home = tmp_path / "lake"
    dataset = THINGS.model_copy(update={"bounds": Bounds(floor=10, ceiling=20)})
    source = SOURCE.model_copy(update={"datasets": {"things": dataset}})
    for rows in (9, 21):
        with pytest.raises(LandingRefused, match="floor" if rows == 9 else "ceiling"):
            land(home, {str(i): i for i in range(rows)}, source=source, official=True)
    assert land(home, {"a": 1}, source=source).verdict == "accepted"
    with pytest.raises(LandingRefused, match="floor 0"):
        land(home / "other", {}, source=source)


def test_an_older_day_is_refused_and_the_same_file_changes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "lake"
    first = land(home, {"a": 1}, DAY + timedelta(5))
    assert land(home, {"a": 1}, DAY + timedelta(5)).load_id == first.load_id
    with pytest.raises(LandingRefused, match="older_than_last"):
        land(home, {"a": 2}, DAY)
    assert len(manifests(home)) == 1


def test_two_loads_of_one_dataset_at_once(tmp_path: Path) -> None:
    home = tmp_path / "lake"
    file = tmp_path / "f"
    file.write_text("x")
    with (
        Load(SOURCE, "things", DAY, files=[file], home=home, mode="partial", accept_bounds="test"),
        pytest.raises(LandingRefused, match="busy"),
        Load(SOURCE, "things", DAY, files=[file], home=home),
    ):
        raise AssertionError("the second load began")


def test_a_row_without_a_key_is_quarantined_by_name(tmp_path: Path) -> None:
    home = tmp_path / "lake"
    file = tmp_path / "f"
    file.write_text("x")
    rows = pa.table({"id": pa.array(["a", None], pa.string()), "value": [1, 2], "_position": [0, 1]})
    manifest = land_table(SOURCE, "things", rows, DAY, files=[file], home=home)
    assert (manifest.counts.landed, manifest.counts.quarantined) == (1, 1)
    quarantine = home / "quarantine" / "made_up" / "things" / f"load={manifest.load_id}" / "part-00000.parquet"
    assert duckdb.sql(f"select position, reason, path, original from '{quarantine}'").fetchall() == [
        (1, "key_missing", "id", '{"id":null,"value":2}')
    ]


def test_every_dataset_can_be_read_before_its_first_load(tmp_path: Path) -> None:
    prepare(tmp_path)
    for name in Source.names():
        for dataset, spec in Source.load(name).datasets.items():
            rows = duckdb.sql(f"from read_parquet('{tmp_path}/raw/{name}/{dataset}/load=*/*.parquet')")
            assert set(spec.columns) < set(rows.columns) and not rows.fetchall()


dumps = st.lists(
    st.tuples(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 3), min_size=1), st.integers(0, 2)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(dumps)
def test_law_loads_replayed_are_the_last_dump_and_every_record_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, days: list[tuple[dict[str, int], int]]
) -> None:
    home = tmp_path_factory.mktemp("law") / "lake"
    expected: dict[str, int] = {}
    for offset, (rows, bad) in enumerate(days):
        counts = land(home, rows, DAY + timedelta(offset), bad=bad).counts
        # A record that cannot be identified may be any of those that seem gone: they stay.
        expected = {**(expected if bad else {}), **rows}
        assert counts.read == len(rows) + bad == counts.landed + counts.unchanged + counts.quarantined
        assert counts.quarantined == bad
        assert state(home) == expected


def _land_in_child(home: Path, kill_at: int) -> None:
    """Land a second day and die by SIGKILL at the `kill_at`th step that touches the disk."""
    import os
    import signal
    import sys

    steps = 0
    watched = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "os.symlink"}

    def step(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal steps
        if event in watched and str(home) in str(arguments[0]):
            steps += 1
            if steps == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(step)
    land(home, {"a": 1, "b": 20, "d": 4}, DAY + timedelta(1), bad=2)
    os._exit(0)


def test_killed_at_any_step_a_load_is_whole_or_absent_and_the_next_one_heals(tmp_path: Path) -> None:
    """Every step at which a landing touches the disk, in turn; no name is chosen by hand."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.test_load"])
    killed = 0
    for step in range(1, 500):
        home = tmp_path / str(step) / "lake"
        home.parent.mkdir()
        land(home, {"a": 1, "b": 2, "c": 3})
        child = context.Process(target=_land_in_child, args=(home, step))
        child.start()
        child.join()
        if child.exitcode == 0:
            break
        killed += 1
        visible = raw(home)
        committed = {p.parent.name.removeprefix("load=") for p in home.glob("raw/made_up/things/load=*/_manifest.json")}
        assert {load for (load,) in raw(home, "_load_id")} == committed
        assert visible in (raw(home)[:3], [*visible[:3], ("U", "b", 20), ("I", "d", 4)]), f"half a load after step {step}"
        land(home, {"a": 1, "b": 20, "d": 4}, DAY + timedelta(1), bad=2)
        # Two records could not be identified, so "c" is not believed gone.
        assert state(home) == {"a": 1, "b": 20, "c": 3, "d": 4}
        assert [m.load_id[-12:] for m in manifests(home)] == ["20260102-001", "20260103-001"]
        assert len(list(home.glob("quarantine/*/*/load=*/*.parquet"))) == 1
        assert not [p for p in home.rglob(".*") if p.name.endswith(".part")], f"litter after step {step}"
    assert killed > 15


def test_a_dump_sent_again_after_another_of_the_same_day_is_what_is_true(tmp_path: Path) -> None:
    home = tmp_path / "lake"
    for rows in ({"a": 1}, {"a": 2}, {"a": 1}):
        land(home, rows)
    assert state(home) == {"a": 1} and len(manifests(home)) == 3
