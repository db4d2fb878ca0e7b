"""The secret and the ids made with it: the same everywhere, others by another key or purpose, and no secret to be seen."""

import base64
import hashlib
import hmac
import json
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from ledger import keys
from ledger.dbt_plugin import Plugin
from orchestration import settings
from orchestration.build import build, plan_build
from orchestration.state import BuildState, Refused

SECRET = bytes(range(32))
KEY = keys.Key(1, SECRET)


@pytest.fixture(autouse=True)
def no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No secret but what a test makes."""
    monkeypatch.delenv("KOHDE_SECRET")
    monkeypatch.setenv("KOHDE_SECRET_FILE", str(tmp_path / "config" / "secret"))
    return tmp_path / "config" / "secret"


def test_an_id_is_hmac_sha256_over_version_purpose_and_text() -> None:
    """Written out once more: who changes this changes every id there is."""
    digest = hmac.new(SECRET, "1|person|Mäkinen".encode(), hashlib.sha256).digest()
    assert KEY.keyed(["Mäkinen"], "person") == ["p_1" + base64.b32encode(digest[:15]).decode().lower()]


def test_ids_keep_order_and_nulls_and_differ_by_text_purpose_secret_and_version() -> None:
    ids = KEY.keyed(pa.array(["a", None, "b", "a"]), "person")
    assert ids[0] == ids[3] and ids[1] is None and len({*ids}) == 3
    others = [
        KEY.keyed(["a"], "role"),
        keys.Key(2, SECRET).keyed(["a"], "person"),
        keys.Key(1, SECRET[::-1]).keyed(["a"], "person"),
    ]
    assert len({ids[0], *(other[0] for other in others)}) == 4
    with pytest.raises(ValueError, match="no purpose"):
        KEY.keyed(["a"], "persons")


def test_the_letter_of_each_purpose() -> None:
    purposes = {"person": "p", "role": "r", "contact_point": "c", "subject": "s", "target": "t"}
    assert {purpose: str(KEY.keyed(["a"], purpose)[0])[:3] for purpose in purposes} == {
        purpose: f"{letter}_1" for purpose, letter in purposes.items()
    }


def test_ids_of_every_version_and_purpose_are_brought_to_the_newest() -> None:
    """In one list with nulls between; and one that is none of ours spoils it."""
    versions = [KEY]
    for number in (2, 3):
        versions.append(keys.Key(number, bytes([number]) * 32, versions[-1]))
    newest = versions[-1]
    assert newest.all() == versions
    old = [key.keyed(["a"], purpose)[0] for key in versions for purpose in keys.PREFIXES]
    new = [newest.keyed(["a"], purpose)[0] for _ in versions for purpose in keys.PREFIXES]
    assert newest.brought([None, *old, None]) == [None, *new, None]
    for strange in (f"{old[0]}a", f"x{str(old[0])[1:]}", f"p_x{str(old[0])[3:]}"):
        with pytest.raises(ValueError, match="can be brought"):
            newest.brought([old[0], strange])


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (SECRET.hex(), 1),
        (SECRET.hex().upper() + "\n", 1),
        (f"1:{SECRET.hex()}", 1),
        (base64.b64encode(SECRET).decode(), 1),
        (base64.urlsafe_b64encode(SECRET).decode().rstrip("="), 1),
        (f"1:{'ab' * 32}\n2:{SECRET.hex()}\n", 2),
        (f"2:{SECRET.hex()}\n1:{'ab' * 32}\n", 2),
    ],
)
def test_spellings_of_a_secret(text: str, version: int) -> None:
    earlier = keys.Key(1, b"\xab" * 32) if version == 2 else None
    assert keys.parse(text, "here") == keys.Key(version, SECRET, earlier)


def test_both_alphabets_of_base64() -> None:
    odd = b"\xfb\xff" * 16
    for coded in (base64.b64encode(odd), base64.urlsafe_b64encode(odd)):
        assert keys.parse(coded.decode(), "here") == keys.Key(1, odd)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        base64.b64encode(SECRET).decode()[:-1] + "!!!!=",
        "ab" * 31,
        "a secret",
        "x:" + "ab" * 32,
        "0:" + "ab" * 32,
        "ä" * 64,
        "zz" * 16 + "!",
    ],
)
def test_what_is_no_secret_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(keys.SecretMissing) as refused:
        keys.parse(text, "here")
    assert "kohde key new" in str(refused.value) and (not text.strip() or text not in str(refused.value))


def test_a_check_differs_by_secret_and_by_what_went_before() -> None:
    """Else a warehouse of another key would look like one of this."""
    other = keys.Key(1, SECRET[::-1])
    checks = [key.check() for key in (KEY, other, keys.Key(2, SECRET, KEY), keys.Key(2, SECRET, other))]
    assert len(set(checks)) == 4 and all(len(check) == 8 and check not in SECRET.hex() for check in checks)


def test_the_environment_comes_before_the_file(no_secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(keys.SecretMissing, match="kohde key new"):
        keys.current()
    keys.create()
    of_file = keys.current()
    monkeypatch.setenv("KOHDE_SECRET", SECRET.hex())
    assert keys.current() == KEY != of_file
    assert keys.keyed(["a"], "person") == KEY.keyed(["a"], "person")
    monkeypatch.setenv("KOHDE_SECRET", "none")
    with pytest.raises(keys.SecretMissing, match=r"^KOHDE_SECRET holds no secret"):
        keys.current()


def test_a_file_that_cannot_be_read_is_said_so(no_secret: Path) -> None:
    no_secret.mkdir(parents=True)
    with pytest.raises(keys.SecretMissing, match="cannot be read"):
        keys.current()
    no_secret.rmdir()
    no_secret.write_bytes(b"\xff" * 64)
    with pytest.raises(keys.SecretMissing, match="cannot be read"):
        keys.current()


def test_where_the_secret_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert keys.create(tmp_path / "other") == tmp_path / "other"
    monkeypatch.delenv("KOHDE_SECRET_FILE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert keys.file() == tmp_path / ".config" / "kohde" / "secret"


def test_a_new_secret_is_its_owners_and_an_old_one_stays(no_secret: Path) -> None:
    assert keys.create() == no_secret
    assert stat.S_IMODE(no_secret.stat().st_mode) == 0o600
    before = no_secret.read_text()
    with pytest.raises(FileExistsError, match="another id"):
        keys.create()
    assert no_secret.read_text() == before and before.split(":")[1].strip() not in repr(keys.current())


def test_sql_makes_the_same_ids() -> None:
    with duckdb.connect() as con:
        plugin = Plugin("keys", {})
        plugin.__dict__["_key"] = KEY
        plugin.configure_connection(con)
        # Another cursor, more rows than one vector, two purposes in one query, nulls between.
        rows = (
            con.cursor()
            .execute("""
            select purpose, text, keyed(purpose, text) from (
                select if(i % 3 = 0, 'role', 'person') as purpose, if(i % 7 = 0, null, 'ä' || i) as text
                from range(5000) as t(i))
        """)
            .fetchall()
        )
    assert len(rows) == 5000
    assert all(made == KEY.keyed([text], purpose)[0] for purpose, text, made in rows)


def test_parsing_needs_no_secret_but_calling_does() -> None:
    with duckdb.connect() as con:
        Plugin("keys", {}).configure_connection(con)
        with pytest.raises(duckdb.Error, match="kohde key new"):
            con.execute("select keyed('person', 'a')")


def test_a_build_without_a_secret_ends_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "lake" / "raw" / "ytj" / "companies" / "load=ytj-companies-20260102-001").mkdir(parents=True)
    with pytest.raises(Refused, match=r"^no secret .*`kohde key new`"):
        build(tmp_path / "lake")


def test_another_secret_means_another_warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOHDE_SECRET", SECRET.hex())
    plan = plan_build(tmp_path)
    BuildState("built", plan.fingerprint, {}, key="of another").write(tmp_path)
    assert plan_build(tmp_path).reason == "the secret of the ids has changed"


def kohde(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "orchestration.cli", *words], capture_output=True, text=True, check=False)


def test_key_new(no_secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOHDE_HOME", str(tmp_path / "lake"))
    done = kohde("key", "new", "--json")
    assert done.returncode == 0 and json.loads(done.stdout) == {"path": str(no_secret)}
    again = kohde("key", "new")
    assert again.returncode == 1 and len(again.stderr.splitlines()) == 1 and "already there" in again.stderr
    monkeypatch.setenv("KOHDE_SECRET_FILE", str(tmp_path / "lake" / "secret"))
    inside = kohde("key", "new")
    assert inside.returncode == 1 and "lies in the lake" in inside.stderr and not (tmp_path / "lake" / "secret").exists()


def test_a_lake_of_the_demo_has_a_secret_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KOHDE_HOME", "DAGSTER_HOME", "DAGSTER_DISABLE_TELEMETRY", "DBT_SEND_ANONYMOUS_USAGE_STATS"):
        monkeypatch.setenv(name, "")
    monkeypatch.delenv("KOHDE_SECRET_FILE")
    lake = tmp_path / "lake"
    lake.mkdir()
    (lake / settings.DEMO_MARK).touch()
    settings.export(lake)
    monkeypatch.delenv("KOHDE_SECRET_FILE", raising=False)
    settings.export(lake)
    assert keys.file() == tmp_path / "lake.secret"
    monkeypatch.setenv("KOHDE_SECRET_FILE", "elsewhere")
    settings.export(lake)
    assert keys.file().name == "elsewhere"
