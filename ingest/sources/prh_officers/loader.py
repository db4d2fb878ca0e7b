"""Land the Trade Register's extract of responsible persons: CSV, JSON lines or XLSX in the contract of source.yml.

Personal data: no message, reason or receipt holds a value of a row.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl

from ingest import delimited, jsonlines, tabular
from ingest.delimited import Format, business_ids, checks, day, is_day, sift
from ingest.lake import LandingRefused, Manifest, Progress, archive_file, quiet
from ingest.load import Batch, Load, land_batches
from ingest.source import Layout, Source
from ingest.sources.linefile import Check

SOURCE, DATASET = "prh_officers", "officers"
SEEDS = Path(__file__).parents[3] / "dbt_project" / "seeds"
REQUIRED = ("business_id", "organ_code", "role_code", "last_name", "started_on", "person_id")
FILES = r".*\.(csv|txt|jsonl|ndjson|xlsx)"

# Letters, perhaps a digit after them (SAW: 65 codes of letters). A bare number is a code of some other list.
CODE = "^[A-ZÅÄÖ][A-ZÅÄÖ0-9]{0,5}$"
COUNTRY = "^[A-Z]{2}$"
# DVV's form of the code: birth date, a sign for the century (letters since 2023), number, check character.
IDENTITY_CODE = r"^[0-9]{6}[-+A-FYXWVU][0-9]{3}[0-9A-Z]$"
NO_DAY, NO_END = "0000-00-00", "9999-12-31"
OLDEST = date(1900, 1, 1)


def land(
    origin: str | Path | None,
    as_of: date | None,
    home: Path,
    progress: Progress = quiet,
    *,
    mode: str = "full",
    encoding: str = "utf-8",
    accept_bounds: str | None = None,
) -> list[Manifest]:
    """Land one file of officers (or the one file of a folder).

    as_of: by default the date in the file's or its folder's name, else today. mode: "partial" for the places of some
    organisations only. encoding: of a CSV file, when it is not UTF-8 (say cp1252 for ISO-8859-1).
    Raises LandingRefused in one line when the file as a whole is not in the contract; bad rows are quarantined.
    """
    source = Source.load(SOURCE)
    if origin is None:
        raise LandingRefused("not_there", "prh_officers is delivered as a file: say where it is")
    files = delimited.files_of(origin, FILES)
    if len(files) > 1:
        raise LandingRefused("several_files", f"{origin}: {len(files)} files; an extract is one file")
    path = files[0]
    as_of = as_of or delimited.day_of(path) or date.today()
    kept = archive_file(home, source.name, as_of, path)
    form = Format.of(source, DATASET, required=REQUIRED, keep_unknown=False, encoding=encoding, ends_in_newline=True)
    odd: Counter[str] = Counter()

    def batches() -> Iterator[Batch]:
        done = 0
        for frame, refused in _frames(kept, form):
            rows, bad = parse(frame, kept.name, form, as_of)
            odd.update(rows["flags"].drop_nulls().str.split(",").explode().to_list())
            done += frame.height
            progress("prh_officers officers", done, None)
            yield rows.to_arrow(), pl.concat([bad, refused] if refused is not None else [bad]).to_arrow()

    def after(load: Load) -> None:
        _count_codes(load)
        load.manifest.warnings = [f"{flag}: {times} row(s)" for flag, times in sorted(odd.items())]

    return [
        land_batches(
            source, DATASET, batches(), as_of, files=[kept], home=home, after=after, mode=mode, accept_bounds=accept_bounds
        )
    ]


def parse(frame: pl.DataFrame, name: str, form: Format, as_of: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(rows of the dataset, refused records) of lines as delimited.read gives them; every line is in exactly one."""
    identity_code = pl.col("person_id").str.to_uppercase().str.contains(IDENTITY_CODE).fill_null(False)
    frame = business_ids(frame).with_columns(
        # Nothing of such a row is kept: the code would lie in quarantine as well.
        original=pl.when(identity_code).then(pl.lit("withheld: a personal identity code")).otherwise("original"),
        person_id=pl.when(~identity_code).then("person_id"),
        flag_zero=pl.when(pl.any_horizontal(pl.col("birth_date", "ended_on") == NO_DAY)).then(pl.lit("date_zero")),
        birth_date=pl.col("birth_date").replace(NO_DAY, None),
        ended_on=pl.col("ended_on").replace([NO_DAY, NO_END], [None, None]),
        is_identity_code=identity_code,
    )
    frame = frame.with_columns(person_key=pl.coalesce("person_id", _digests(frame)))
    is_birth = day("birth_date").is_between(OLDEST, as_of)
    good, refused = sift(
        # The key as the rows have it, so that a refused record is known by the same key as its good version.
        frame.with_columns(started_key=day("started_on").cast(pl.String)),
        key=["business_id", "organ_code", "role_code", "person_key", "started_key"],
        checks=checks(
            form,
            Check("personal_identity_code", "person_id", ~pl.col("is_identity_code"), identifies=True),
            *delimited.BUSINESS_ID_CHECKS,
            Check("bad_code", "organ_code", pl.col("organ_code").str.contains(CODE), identifies=True),
            Check("bad_code", "role_code", pl.col("role_code").str.contains(CODE), identifies=True),
            Check("missing_name", "last_name", pl.col("last_name").is_not_null(), identifies=True),
            Check("missing_required", "started_on", pl.col("started_on").is_not_null(), identifies=True),
            Check("date_invalid", "started_on", day("started_on").is_not_null(), identifies=True),
            Check("date_invalid", "ended_on", is_day("ended_on")),
            Check("date_invalid", "birth_date", pl.col("birth_date").is_null() | is_birth),
            Check("bad_code", "nationality", pl.col("nationality").str.contains(COUNTRY).fill_null(True)),
            Check("bad_code", "country", pl.col("country").str.contains(COUNTRY).fill_null(True)),
        ),
        name=name,
    )
    rows = good.with_columns(birth_date=day("birth_date"), started_on=day("started_on"), ended_on=day("ended_on"))
    inverted = pl.when(pl.col("ended_on") < pl.col("started_on")).then(pl.lit("interval_inverted"))
    flags = pl.concat_str(["flag_zero", inverted], separator=",", ignore_nulls=True).replace("", None)
    rows = rows.with_columns(flags=flags).rename({"position": "_position"})
    return rows.select("_position", *Source.load(SOURCE).datasets[DATASET].columns, "_extra"), refused


def _frames(path: Path, form: Format) -> Iterator[tuple[pl.DataFrame, pl.DataFrame | None]]:
    """The file's lines, and those its container already refused (XLSX)."""
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        yield from ((frame, None) for frame in jsonlines.read_flat(path, form))
    elif suffix != ".xlsx":
        yield from ((frame, None) for frame in delimited.read(path, form))
    else:
        known = {ours: list(spellings) for ours, spellings in form.columns.items()}
        layout = Layout(columns=known, required=list(REQUIRED), ignored=list(form.refused))
        table = tabular.read(path, layout)
        told = pl.struct(*form.columns).struct.json_encode()
        # What that reader keeps of columns nobody knows, and of whole rows, may be an address: names only.
        names = pl.col("_extra").map_elements(lambda extra: json.dumps(dict.fromkeys(json.loads(extra))), pl.String)
        fault = pl.lit(None, pl.String)
        yield (
            table.rows.rename({"_position": "position"}).with_columns(fault=fault, original=told, _extra=names),
            table.refused.with_columns(_original=pl.lit("withheld, see the archived file")),
        )


def _digests(frame: pl.DataFrame) -> pl.Series:
    """For rows without the register's number: who it is by name and birth, unreadable and the same in every load."""
    columns = ["last_name", "first_names", "birth_date"]
    texts = frame.select(
        pl.when(pl.col("person_id").is_null()).then(pl.concat_str(pl.col(columns).fill_null(""), separator="|"))
    ).to_series()
    return texts.map_elements(lambda text: "n-" + hashlib.md5(text.encode()).hexdigest(), return_dtype=pl.String)


def _count_codes(load: Load) -> None:
    """Count new rows whose codes no list knows or no position stands for; the rows are kept, nothing is guessed."""
    found = load.con.execute("select organ_code, role_code, count(*) from fresh group by all").fetchall()
    codes, pairs = known_codes()
    for organ, role, times in found:
        if ("ORGAN", organ) not in codes:
            load.unknown_codes[f"organ_code={organ}"] += times
        elif ("ROLE", role) not in codes:
            load.unknown_codes[f"role_code={role}"] += times
        elif not pairs & {(organ, role), (organ, "*")}:
            load.unknown_codes[f"organ_code/role_code={organ}/{role}"] += times


@cache
def known_codes() -> tuple[set[tuple[str, ...]], set[tuple[str, ...]]]:
    """(code set, code) of seed officer_codes, and the pairs (organ, role) that seed officer_roles gives a position."""
    codes = pl.read_csv(SEEDS / "officer_codes.csv", infer_schema=False).select("code_set", "code").rows()
    pairs = pl.read_csv(SEEDS / "officer_roles.csv", infer_schema=False).select("organ_code", "role_code").rows()
    return set(codes), set(pairs)
