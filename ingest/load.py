"""One load of one dataset as a transaction: everything a landing does to the raw zone.

Records come in batches; each is landed (inserted or changed), found unchanged, or quarantined with a reason. On leaving,
disappeared records are added, bounds are judged, and the load's folder is renamed into place: that rename is the commit.
Until then nothing of it can be seen, and a killed load leaves only temporary files that the next one sweeps away.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa
from filelock import FileLock, Timeout

from base.files import atomic_folder, commit_folder, sweep, write_text
from ingest.lake import (
    CHANGED,
    DISAPPEARED,
    INSERTED,
    SYSTEM_COLUMNS,
    LandingRefused,
    Manifest,
    connect,
    describe_file,
    digest,
    files_digest,
    literal,
    manifests,
    now,
    write_schema,
)
from ingest.records import json_spec
from ingest.redact import archived, marked, subject_of
from ingest.screen import ERASED, Screen
from ingest.source import Source

Batch = tuple[pa.Table, pa.Table | None]
"""Rows of a dataset, and records that could not become rows: see land_table."""

# Bounds that a value must reach; the others it must not pass.
LOWER = {"floor", "shrink"}
# A tiny register may double in a day.
GROWTH_ALLOWANCE = 100


class Load:
    """One load of one dataset: `with Load(...) as load: load.add(batch) ...; manifest = load.manifest`.

    mode "full": the batches together are the whole dataset, so what is missing has disappeared.
    mode "partial": the batches are an excerpt; nothing can be said of what is not in them.
    accept_bounds: a reason written by a person that lets a load pass whose bounds fail; it is kept in the receipt.
    official: whether floor and ceiling apply (they are promises about the publisher's own register).

    Raises LandingRefused when another load of the dataset is running, when the date is older than what is already
    landed, and on leaving when a bound fails (the load is then kept in `aside/`, its receipt says which bound).
    """

    def __init__(
        self,
        source: Source,
        dataset: str,
        as_of: date,
        *,
        files: Iterable[Path],
        home: Path,
        mode: str = "full",
        official: bool = False,
        accept_bounds: str | None = None,
    ) -> None:
        self.source, self.dataset, self.as_of, self.home = source, source.datasets[dataset], as_of, home
        self.official, self.accept_bounds = official, accept_bounds
        self.raw = home / "raw" / source.name / dataset
        self._parts = 0
        self.files = list(files)
        described = [describe_file(p) for p in self.files]
        self.manifest = Manifest(source.name, dataset, "", as_of.isoformat(), mode, described, files_digest(described))
        self.manifest.code_version = version("kohde")
        self.manifest.started_at = now()
        self.unknown_fields: Counter[str] = Counter()
        self.unknown_codes: Counter[str] = Counter()

    # --- the transaction ---------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._lock = dataset_lock(self.home, self.manifest.source, self.manifest.dataset)
        self._lock.__enter__()
        try:
            self._begin()
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        return self

    def _begin(self) -> None:
        self._recover()
        known = manifests(self.home, self.manifest.source, self.manifest.dataset)
        self._accepted = [m for m in known if m.verdict == "accepted"]
        if self._accepted and (newest := self._accepted[-1].as_of) > self.as_of.isoformat():
            raise LandingRefused("older_than_last", f"{self._name} of {self.as_of} comes after that of {newest}")
        self._baseline = next((m for m in reversed(self._accepted) if m.mode == "full"), None)
        numbers = [int(m.load_id[-3:]) for m in known if m.as_of == self.as_of.isoformat()]
        self.load_id = self.manifest.load_id = (
            f"{self.manifest.source}-{self.manifest.dataset}-{self.as_of:%Y%m%d}-{max(numbers, default=0) + 1:03d}"
        )
        write_schema(self.raw, self.dataset)
        self._screen = Screen.of(self.home)
        self._work = self.raw / f".load={self.load_id}.part"
        self._work.mkdir()
        self.con = connect(self._work / ".spill")
        self._read_previous()
        self.con.execute("""
            create temp table seen (_key varchar, _record_hash varchar, _position bigint, outcome varchar);
            create temp table quarantined (
                _load_id varchar, position bigint, record_key varchar, reason varchar, path varchar, original varchar);
            create temp table erased (_position bigint)
        """)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self.con.close()
            shutil.rmtree(self._work, ignore_errors=True)
            self._lock.__exit__(None, None, None)

    def _recover(self) -> None:
        """Make whole what a kill left: finish the receipt of a committed load, forget everything uncommitted."""
        sweep(self.raw)
        quarantine = self._zone("quarantine")
        sweep(quarantine)
        sweep(self._zone("aside"))
        finish_receipts(self.home, self.manifest.source, self.manifest.dataset)
        for orphan in quarantine.glob("load=*"):
            if not any((zone / orphan.name).exists() for zone in (self.raw, self._zone("aside"))):
                shutil.rmtree(orphan)

    def _zone(self, zone: str) -> Path:
        return self.home / zone / self.manifest.source / self.manifest.dataset

    @property
    def _name(self) -> str:
        return f"{self.manifest.source}/{self.manifest.dataset}"

    def _read_previous(self) -> None:
        """The last state is not stored anywhere: it is the newest row of each key over all loads, minus disappeared ones.

        A record that was told in other bytes and found unchanged did not land; its newer raw hash lies in `hashes/`.
        """
        hashes = literal(self.raw / "load=*" / "hashes" / "*.parquet")
        rehashed = f"read_parquet({hashes})" if any(self.raw.glob("load=*/hashes/*.parquet")) else "rehashed"
        self.con.execute(f"""
            create temp table rehashed (_key varchar, _raw_hash ubigint, _load_id varchar);
            create temp table previous as
            with landed as (
                select _key, arg_max(
                    {{_op: _op, _record_hash: _record_hash, _raw_hash: _raw_hash, _load_id: _load_id}}, _load_id) as last
                from read_parquet({literal(self.raw / "load=*" / "*.parquet")}, union_by_name=true, hive_partitioning=false)
                group by _key
            ),
            told_again as (
                select _key, arg_max({{_raw_hash: _raw_hash, _load_id: _load_id}}, _load_id) as last
                from {rehashed} group by _key
            )
            select _key, landed.last._record_hash as _record_hash, if(
                told_again.last._load_id > landed.last._load_id,
                told_again.last._raw_hash,
                landed.last._raw_hash
            ) as _raw_hash
            from landed left join told_again using (_key)
            where landed.last._op <> '{DISAPPEARED}'
        """)

    # --- records ----------------------------------------------------------------------------------------------------

    def skip_unchanged(self, batch: str) -> None:
        """Take out of table `batch` (with _position, _raw_hash) the records whose raw bytes are those of the last state.

        They need no parsing: equal bytes were parsed and judged when they landed.
        """
        self.con.execute(f"""
            create or replace temp table same as
            select b._position, p._key, p._record_hash from {batch} b join previous p using (_raw_hash)
        """)
        self._saw("select _key, _record_hash, _position, 'unchanged' from same")
        self.con.execute(f"delete from {batch} where _position in (select _position from same)")

    def add(self, batch: str) -> None:
        """Account for every row of table `batch`: the payload columns plus _position, _key (null when it cannot be trusted),
        _claimed (the key as told), _record_hash, _raw_hash, _extra and, for a refused record, _reason, _path, _original."""
        self.con.execute(f"""
            insert into quarantined
            select '{self.load_id}', _position, _claimed, _reason, _path, _original from {batch} where _reason is not null;
            create or replace temp table fresh as
            select b.* exclude (_claimed, _reason, _path, _original),
                   if(p._key is null, '{INSERTED}', '{CHANGED}') as _op,
                   '{self.load_id}' as _load_id, date '{self.as_of}' as _as_of
            from {batch} b left join previous p using (_key)
            where b._reason is null and p._record_hash is distinct from b._record_hash
        """)
        if self._screen:
            self._hold_back(self._screen, batch)
        self._saw("select _key, _record_hash, _position, 'landed' from fresh")
        self._saw(f"select _key, null, _position, 'quarantined' from {batch} where _reason is not null")
        self._saw(f"""select _key, _record_hash, _position, 'unchanged' from {batch}
                      where _reason is null and _position not in (select _position from fresh)
                      and _position not in (select _position from erased)""")
        self.con.execute(f"""
            insert into rehashed
            select b._key, b._raw_hash, '{self.load_id}' from {batch} b join previous p using (_key)
            where b._reason is null and p._record_hash = b._record_hash and p._raw_hash <> b._raw_hash
        """)
        self._write_part("select * from fresh")

    def _hold_back(self, screen: Screen, batch: str) -> None:
        """Nobody who was erased lands: of what is new in this batch, and of what was refused in it."""
        refused = self.con.execute(f"""
            select position, record_key, original from quarantined
            where position in (select _position from {batch} where _reason is not null)
        """).fetchall()
        if hidden := screen.originals(refused):
            places = ", ".join(map(str, hidden))
            self.con.execute(f"""
                update quarantined set record_key = null, original = null, path = null, reason = '{ERASED}'
                where position in ({places})
            """)
        gone, edited = screen.rows(self.con, "fresh", self.dataset)
        if gone:
            places = ", ".join(map(str, gone))
            self.con.execute(f"""
                insert into erased select _position from fresh where _position in ({places});
                insert into quarantined
                select '{self.load_id}', _position, null, '{ERASED}', null, null from fresh where _position in ({places})
            """)
            self._saw(f"select _key, null, _position, 'quarantined' from fresh where _position in ({places})")
            self.con.execute(f"delete from fresh where _position in ({places})")
        types = {name: duckdb.type(kind) for name, kind in self.dataset.columns.items()}
        spec = json.dumps({name: json_spec(kind) for name, kind in types.items()})
        for position, rest in edited.items():
            values = ", ".join(f'"{name}" = r."{name}"' for name in types)
            self.con.execute(
                f"update fresh set {values}, {marked()} from (select from_json(?, ?) as r) where _position = {position}",
                [rest, spec],
            )
        # What is left is what landed before: somebody was taken out of the same record then.
        self.con.execute(
            "delete from fresh where exists (from previous p where p._key = fresh._key and p._record_hash = fresh._record_hash)"
        )

    def add_rows(self, rows: pa.Table, refused: pa.Table | None = None) -> None:
        """Account for rows with the dataset's columns, `_position` and perhaps `_extra`, and for records that are no rows."""
        columns = ", ".join(f'"{name}"::{kind} as "{name}"' for name, kind in self.dataset.columns.items())
        key = " || '|' || ".join(f'"{k}"::varchar' for k in self.dataset.key)
        payload = ", ".join(f'"{c}" := "{c}"' for c in self.dataset.columns)
        extra = "_extra::varchar" if "_extra" in rows.column_names else "null::varchar"
        self.con.register("given", rows)
        self.con.execute(f"""
            create or replace temp table batch as
            select *, _key as _claimed, md5(to_json(payload)::varchar) as _record_hash, null::ubigint as _raw_hash,
                   if(_key is null, 'key_missing', null) as _reason,
                   if(_key is null, '{",".join(self.dataset.key)}', null) as _path,
                   if(_key is null, to_json(payload)::varchar, null) as _original
            from (select {columns}, _position, {extra} as _extra, {key} as _key, struct_pack({payload}) as payload
                  from given)
        """)
        self.con.execute("alter table batch drop column payload")
        self.con.unregister("given")
        if refused is not None and refused.num_rows:
            self.con.register("given_refused", refused)
            self.con.execute(
                """insert into batch by name
                   select _position, _key, _key as _claimed, _reason, _path, _original from given_refused"""
            )
            self.con.unregister("given_refused")
        unknown = self.con.execute(
            "select field, count(*) from (select unnest(json_keys(_extra)) as field from batch) group by all"
        )
        for field, number in unknown.fetchall():
            self.unknown_fields[field] += number
        self.add("batch")

    def _saw(self, select: str) -> None:
        self.con.execute(f"insert into seen {select}")

    def _write_part(self, select: str) -> None:
        columns = ", ".join(f'"{c}"' for c in SYSTEM_COLUMNS | self.dataset.columns)
        if self._one(f"select count(*) from ({select})"):
            file = self._work / f"part-{self._parts:05d}.parquet"
            self.con.execute(f"copy (select {columns} from ({select})) to {literal(file)} (format parquet, compression zstd)")
            self._parts += 1

    def _one(self, query: str) -> Any:
        # All of it: a result half read keeps the connection from taking the next batch.
        rows = self.con.execute(query).fetchall()
        return rows[0][0] if rows else None

    # --- the end of a load ---------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        self._settle_duplicates()
        self._land_disappeared()
        self._count()
        self.manifest.unknown_fields = dict(self.unknown_fields)
        self.manifest.unknown_codes = dict(self.unknown_codes)
        self.manifest.schema_fingerprint = digest(*sorted({*self.dataset.columns, *self.unknown_fields}))
        self._judge()
        self._redact_files()
        self.manifest.finished_at = now()
        self._commit()
        if self.manifest.verdict == "rejected":
            raise LandingRefused("bounds", f"{self.load_id} is kept aside: {self.manifest.reason}")

    def _settle_duplicates(self) -> None:
        """The same record twice counts once as landed and then as unchanged; two records that claim one key and differ
        are both refused, since nobody can say which is true, and the previous version of that key stays."""
        self.con.execute("""
            create temp table doubled as
            select _position, _key, outcome, count(distinct _record_hash) over (partition by _key) > 1 as conflicting,
                   row_number() over (partition by _key order by outcome = 'unchanged' desc, _position) as nth
            from seen where outcome <> 'quarantined' and _key is not null
            qualify count(*) over (partition by _key) > 1
        """)
        if not self._one("select count(*) from doubled"):
            return
        self.manifest.counts.duplicates = self._one("select count(*) from doubled where not conflicting and nth > 1")
        self.con.execute(
            "create temp table withdrawn as select * from doubled where outcome = 'landed' and (conflicting or nth > 1)"
        )
        parts = f"read_parquet({literal(self._work / 'part-*.parquet')})"
        if self._parts:
            self.con.execute(f"""
                insert into quarantined
                select '{self.load_id}', _position, _key, 'conflicting_duplicate', '_key', to_json(p)::varchar
                from {parts} p where _position in (select _position from withdrawn where conflicting)
            """)
            for part in sorted(self._work.glob("part-*.parquet")):
                rest = f"select * from read_parquet({literal(part)}) where _position not in (select _position from withdrawn)"
                touched = self._one(
                    f"select count(*) from read_parquet({literal(part)}) where _position in (select _position from withdrawn)"
                )
                if touched:
                    self._write_part(rest)
                    part.unlink()
        self.con.execute("""
            update seen set outcome = if(w.conflicting, 'quarantined', 'unchanged')
            from withdrawn w where seen._position = w._position
        """)

    def _land_disappeared(self) -> None:
        """A key of the last state that the full dump no longer has. Not believed while a record could not be identified:
        that record may be the very one that seems to be gone. One that was refused just so when all keys were there is not.
        """
        if self.manifest.mode != "full":
            return
        gone = "select _key from previous where _key not in (select _key from seen where _key is not null)"
        if self._hidden() and not self.accept_bounds:
            self.manifest.counts.withheld = self._one(f"select count(*) from ({gone})")
            return
        self.manifest.counts.disappeared = self._one(f"select count(*) from ({gone})")
        columns = ", ".join(f'null::{kind} as "{name}"' for name, kind in self.dataset.columns.items())
        self._write_part(f"""
            select _key, '{DISAPPEARED}' as _op, '{self.load_id}' as _load_id, date '{self.as_of}' as _as_of,
                   null::varchar as _record_hash, null::ubigint as _raw_hash, null::bigint as _position,
                   null::varchar as _extra {"," + columns if columns else ""}
            from ({gone})
        """)

    def _hidden(self) -> int:
        """How many records could be any organisation: refused without a key, and not so in the last load that lacked none."""
        whole = next((m for m in reversed(self._accepted) if m.mode == "full" and not m.counts.withheld), None)
        known = self._zone("quarantine") / f"load={whole.load_id}" / "part-00000.parquet" if whole else None
        before = (
            f"select original from read_parquet({literal(known)})" if known and known.exists() else "select null where false"
        )
        return int(
            self._one(f"""
                select count(*) from quarantined q join seen s on s._position = q.position
                where s._key is null and q.original not in ({before})
            """)
        )

    def _count(self) -> None:
        counts = self.manifest.counts
        outcomes = dict(self.con.execute("select outcome, count(*) from seen group by all").fetchall())
        counts.read = sum(outcomes.values())
        counts.unchanged, counts.quarantined = outcomes.get("unchanged", 0), outcomes.get("quarantined", 0)
        if any(self._work.glob("part-*.parquet")):
            parts = f"read_parquet({literal(self._work / 'part-*.parquet')})"
            landed = dict(self.con.execute(f"select _op, count(*) from {parts} group by all").fetchall())
            counts.inserted, counts.updated = landed.get(INSERTED, 0), landed.get(CHANGED, 0)
            counts.landed = counts.inserted + counts.updated
        if not counts.balanced() or counts.quarantined != self._one("select count(*) from quarantined"):
            raise AssertionError(f"accounting law broken in {self.load_id}: {counts}")

    def _judge(self) -> None:
        """Every bound with its limit and value; the first that fails is the reason of a rejection."""
        counts, bounds = self.manifest.counts, self.dataset.bounds
        allowance = bounds.quarantined_allowance
        # Who was erased is no fault of the file.
        erased = self._one(f"select count(*) from quarantined where reason = '{ERASED}'")
        judged = [
            ("floor", bounds.floor if self.official else min(bounds.floor, 1), counts.read),
            ("quarantined", max(allowance, int(bounds.quarantined * counts.read)), counts.quarantined - erased),
            ("unmapped", max(allowance, int(bounds.unmapped * counts.landed)), sum(self.unknown_codes.values())),
        ]
        if self.official and bounds.ceiling is not None:
            judged.append(("ceiling", bounds.ceiling, counts.read))
        if self._baseline and self.manifest.mode == "full":
            before = self._baseline.counts.read
            judged.append(("shrink", int(before * (1 - bounds.shrink)), counts.read))
            judged.append(("grow", max(before + GROWTH_ALLOWANCE, int(before * (1 + bounds.grow))), counts.read))
        self.manifest.bounds = [
            {"bound": name, "limit": limit, "value": value, "passed": value >= limit if name in LOWER else value <= limit}
            for name, limit, value in judged
        ]
        failed = [b for b in self.manifest.bounds if not b["passed"]]
        if failed and self.accept_bounds:
            self.manifest.warnings.append(f"bounds {[b['bound'] for b in failed]} accepted: {self.accept_bounds}")
        elif failed:
            self.manifest.verdict = "rejected"
            self.manifest.reason = ", ".join(f"{b['bound']} {b['value']} (limit {b['limit']})" for b in failed)

    def _redact_files(self) -> None:
        """The archive keeps nobody whom the screen held back. Raises LandingRefused erased_meanwhile when somebody was erased
        while the load was running: then it was judged by an older list."""
        screen = Screen.of(self.home)
        if (screen.keys if screen else None) != (self._screen.keys if self._screen else None):
            raise LandingRefused("erased_meanwhile", f"{self._name}: somebody was erased meanwhile, land it again")
        if not self._screen or not self._screen.people:
            return
        subject = subject_of(self.source.name)
        changed = [(path, archived(path, self._screen.needles, subject)) for path in self.files]
        self.manifest.files = [describe_file(path) for path in self.files]
        self.manifest.sha256 = files_digest(self.manifest.files)
        self.manifest.erasures = [
            {"at": now(), "rows": self._one(f"select count(*) from quarantined where reason = '{ERASED}'"),
             "files": [{"name": path.name, "old": pair[0], "new": pair[1]} for path, pair in changed if pair]}
        ]  # fmt: skip

    def _commit(self) -> None:
        """Quarantine first, then the load's folder (the commit), then the receipt; a kill between is finished by _recover."""
        shutil.rmtree(self._work / ".spill", ignore_errors=True)
        if self.manifest.counts.quarantined:
            with atomic_folder(self._zone("quarantine") / f"load={self.load_id}") as folder:
                self.con.execute(
                    f"copy quarantined to {literal(folder / 'part-00000.parquet')} (format parquet, compression zstd)"
                )
        if self._one("select count(*) from rehashed"):
            (self._work / "hashes").mkdir()
            target = literal(self._work / "hashes" / "part-00000.parquet")
            self.con.execute(f"copy rehashed to {target} (format parquet, compression zstd)")
        receipt = json.dumps(self.manifest.to_dict(), ensure_ascii=False, indent=1)
        (self._work / "_manifest.json").write_text(receipt, encoding="utf-8")
        zone = self.raw if self.manifest.verdict == "accepted" else self._zone("aside")
        commit_folder(self._work, zone / f"load={self.load_id}")
        write_text(self.home / "manifests" / f"{self.load_id}.json", receipt)


@contextmanager
def dataset_lock(home: Path, source: str, dataset: str) -> Iterator[None]:
    """One landing of a dataset at a time. Raises LandingRefused busy when another one is running; a kill releases it."""
    (home / "manifests").mkdir(parents=True, exist_ok=True)
    lock = FileLock(home / "manifests" / f".{source}-{dataset}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LandingRefused("busy", f"another load of {source}/{dataset} is running") from None
    try:
        yield
    finally:
        lock.release()


def finish_receipts(home: Path, source: str, dataset: str) -> None:
    """Write the receipts of loads that were committed but killed before their receipt was copied out (under the lock)."""
    sweep(home / "manifests", prefix=f"{source}-{dataset}-")
    for zone in ("raw", "aside"):
        for inner in (home / zone / source / dataset).glob("load=*/_manifest.json"):
            outer = home / "manifests" / f"{inner.parent.name.removeprefix('load=')}.json"
            if not outer.exists():
                write_text(outer, inner.read_text())


def already_landed(home: Path, source: str, dataset: str, as_of: date, files: Iterable[Path]) -> Manifest | None:
    """The receipt of an accepted load of exactly these bytes for this day, if there is one.

    A full dump counts only while it is the last one: sent again after another, it tells anew what is true.
    """
    with dataset_lock(home, source, dataset):
        finish_receipts(home, source, dataset)
    wanted = files_digest([describe_file(p) for p in files])
    accepted = [m for m in manifests(home, source, dataset) if m.verdict == "accepted"]
    same = (m for m in accepted if m.as_of == as_of.isoformat() and m.sha256 == wanted)
    return next((m for m in same if m.mode != "full" or m is accepted[-1]), None)


def land_table(
    source: Source,
    dataset: str,
    rows: pa.Table,
    as_of: date,
    *,
    files: Iterable[Path],
    home: Path,
    refused: pa.Table | None = None,
    mode: str = "full",
    official: bool = False,
    accept_bounds: str | None = None,
) -> Manifest:
    """Land a table that fits in memory: `rows` has the dataset's columns and `_position`.

    A column `_extra` (JSON object text) holds fields of the source that the fact sheet does not know: kept and counted.
    refused: records that could not become rows: _position, _key, _reason, _path, _original (texts, _position int).
    A row with an empty key column is quarantined as `key_missing`. Raises LandingRefused as Load does.
    """
    options: dict[str, Any] = {"mode": mode, "official": official, "accept_bounds": accept_bounds}
    return land_batches(source, dataset, [(rows, refused)], as_of, files=files, home=home, **options)


def land_batches(
    source: Source,
    dataset: str,
    batches: Iterable[Batch],
    as_of: date,
    *,
    files: Iterable[Path],
    home: Path,
    after: Callable[[Load], None] | None = None,
    **options: Any,
) -> Manifest:
    """As land_table, for a register that does not fit in memory: the batches together are the dataset, each held only once.

    after: called when a batch is in, while the load's table `fresh` has those of its rows that are new or changed.
    options: mode, official, accept_bounds of Load. A generator of batches may raise LandingRefused: then nothing lands.
    """
    files = list(files)
    if known := already_landed(home, source.name, dataset, as_of, files):
        return known
    with Load(source, dataset, as_of, files=files, home=home, **options) as load:
        for rows, refused in batches:
            load.add_rows(rows, refused)
            if after:
                after(load)
    return load.manifest
