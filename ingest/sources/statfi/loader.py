"""Statistics Finland's classifications and correspondence tables -> raw `statfi/*`.

Belongs here: the two export formats (CSV and Classification API v2 JSON) and their damages. Does not belong here: the
product's shape of the code lists (renew_seeds).
A dataset is a set of files, one per language and table, found by their names in a folder; see FILE_SETS and docs/how-
to/renew-reference-data.md.
"""

import json
import re
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from ingest.lake import LandingRefused, Manifest, Progress, archive_file, quiet
from ingest.load import land_table
from ingest.source import Source
from ingest.sources.fetch import fetch, is_url
from ingest.sources.linefile import Check, read_bytes, refuse_cut_off, sift, split_fields, split_lines

Parsed = tuple[pl.DataFrame, pl.DataFrame]

CLASSIFICATION_HEADER = {"code": "code", "level": "level", "classificationName": "name"}
CORRESPONDENCE_HEADER = {
    "sourceCode": "source_code",
    "sourceName": "source_name",
    "targetCode": "target_code",
    "targetName": "target_name",
    "distributionSourceToTarget": "distribution_source_to_target",
    "distributionTargetToSource": "distribution_target_to_source",
}
DECLARATION = re.compile(rb"(?:\xef\xbb\xbf)?Windows-1252;;([\w#]+);*\s*$", re.IGNORECASE)

# [0-9], not \d: polars' \d takes the digits of every script.
AREA_CODE = {"maakunta": "^[0-9]{2}$", "seutukunta": "^[0-9]{3}$", "hyvinvointialue": "^[0-9]{2}$", "kielisuhde": "^[0-9]$"}
INDUSTRY_CODE = "^(?:[A-Z]|[0-9]{2,5})$"
MUNICIPALITY_CODE = "^[0-9]{3}$"


@dataclass(frozen=True)
class Table:
    """One table of a dataset: its id (a pattern, as municipality tables carry the year), the languages needed."""

    source: str
    target: str | None
    languages: tuple[str, ...]

    def pattern(self, language: str) -> re.Pattern[str]:
        """Matches the name of the file that holds the table in `language`; `#` may be written %23 or __."""
        joined = self.source if self.target is None else f"{self.source}(?:#|%23|__){self.target}"
        return re.compile(rf"{joined}_{language}\.(?:csv|json)", re.IGNORECASE)

    def address(self, base: str, language: str, day: date) -> str:
        """Address of the table in the Classification API v2; tables that carry a year are asked for as of `day`."""
        source, target = (part and part.replace(r"\d{4}", str(day.year)) for part in (self.source, self.target))
        if target is None:
            return f"{base}/classifications/{source}/classificationItems?content=data&meta=max&lang={language}"
        return f"{base}/correspondenceTables/{source}%23{target}/maps?content=data&lang={language}"


@dataclass(frozen=True)
class Export:
    """One parsed file: which table in which language, its good rows and its refused lines."""

    table: Table
    language: str
    name: str
    rows: pl.DataFrame
    refused: pl.DataFrame

    @property
    def kind(self) -> str | None:
        """The kind of area the municipalities are mapped to, if this is such a table."""
        kind = (self.table.target or "").split("_")[0]
        return kind if kind in AREA_CODE else None

    def landed(self) -> pl.DataFrame:
        """The good rows under the columns of the dataset."""
        rows = self.rows.with_columns(language=pl.lit(self.language), area_kind=pl.lit(self.kind))
        names = {"source_code": "municipality_code", "target_code": "area_code", "target_name": "area_name"}
        return rows.rename(names) if self.kind else rows

    def keyed_refused(self) -> pl.DataFrame:
        """The refused lines with the rest of the dataset's key, which the file itself does not hold."""
        rest = [self.kind, self.language] if self.kind else [self.language] if self.table.target is None else []
        return self.refused.with_columns(_key=pl.concat_str("_key", *map(pl.lit, rest), separator="|"))


MUNICIPALITY = r"kunta_1_\d{4}0101"
FILE_SETS: dict[str, tuple[Table, ...]] = {
    "industries": (Table("toimiala_1_20250101", None, ("fi", "sv", "en")),),
    "industry_crosswalk": (Table("toimiala_1_20080101", "toimiala_1_20250101", ("fi",)),),
    "municipalities": (Table(MUNICIPALITY, None, ("fi", "sv")),),
    "municipality_areas": (
        Table(MUNICIPALITY, r"maakunta_1_\d{4}0101", ("fi", "sv", "en")),
        Table(MUNICIPALITY, r"seutukunta_1_\d{4}0101", ("fi",)),
        Table(MUNICIPALITY, r"hyvinvointialue_1_\d{4}0101", ("fi",)),
        # The English names are the ones seen; our language_code is read from them, not from the numbers.
        Table(MUNICIPALITY, r"kielisuhde_1_\d{4}0101", ("en",)),
    ),
}


def land(
    origin: str | Path | None,
    as_of: date | None,
    home: Path,
    progress: Progress = quiet,
    *,
    dataset: str | None = None,
    accept_bounds: str | None = None,
) -> list[Manifest]:
    """Land every dataset whose files lie in the folder `origin` (or the one named by `dataset`), one manifest each.

    `origin`: folder, one file of a one-file dataset, or base URL of the API; None takes the URL of source.yml.
    `as_of`: default today, exports carry no date.
    `accept_bounds`: a person's reason to let a load pass whose bounds fail.
    Raises LandingRefused with one line if files of a dataset are missing or no such export; damaged lines are
    quarantined.
    """
    as_of = as_of or date.today()
    if dataset is not None and dataset not in FILE_SETS:
        raise LandingRefused("unknown_dataset", f"statfi has no dataset {dataset}; it has {', '.join(FILE_SETS)}")
    wanted = FILE_SETS if dataset is None else {dataset: FILE_SETS[dataset]}
    with tempfile.TemporaryDirectory() as scratch:
        if origin is None or is_url(origin):
            folder = _download(str(origin or Source.load("statfi").url), wanted, as_of, Path(scratch), progress)
            files = sorted(folder.iterdir())
        else:
            path = Path(origin)
            if not path.exists():
                raise LandingRefused("not_there", f"{path}: no such file or folder")
            files = sorted(path.iterdir()) if path.is_dir() else [path]
        file_sets = {name: chosen for name, tables in wanted.items() if (chosen := _choose(name, tables, files))}
        if not file_sets:
            raise LandingRefused(
                "not_there",
                f"{origin}: no export of {', '.join(wanted)} in it; names are like toimiala_1_20250101_fi.csv",
            )
        manifests = []
        for done, (name, chosen) in enumerate(file_sets.items()):
            progress(f"statfi {name}", done, len(file_sets))
            manifests.append(_land_dataset(name, chosen, as_of, home, official=origin is None, accept_bounds=accept_bounds))
        progress("statfi", len(file_sets), len(file_sets))
    return manifests


def parse_classification(data: bytes, name: str) -> Parsed:
    """Rows (position, code, level, parent_code, name, _extra) and refused lines of one classification in one language.

    `name` is the file's name: it tells the classification, the language and the format (CSV or API JSON).
    """
    as_json, industry = _is_json(name), name.lower().startswith("toimiala")
    frame = _from_json(data, name, _classification_item) if as_json else _from_csv(data, name, CLASSIFICATION_HEADER)
    depth = pl.col("code").str.len_chars().cast(pl.String)
    level = pl.when(pl.col("code").str.contains(r"^[A-Z]$")).then(pl.lit("1")).otherwise(depth)
    code_shape = INDUSTRY_CODE if industry else MUNICIPALITY_CODE
    checks = [
        *_readable(name),
        Check("bad_code", "code", pl.col("code").str.contains(code_shape), identifies=True),
        Check("missing_name", "name", pl.col("name").is_not_null()),
    ]
    if industry and not as_json:
        # A code whose length belies its level has lost zeros, so it names another class than its line is about.
        checks.insert(-1, Check("bad_level", "level", pl.col("level") == level, identifies=True))
    rows, refused = sift(frame, key=["code"], checks=checks, name=name)
    refuse_cut_off(data, name, rows, refused)
    if industry:
        section = pl.when(pl.col("level") == "1").then(pl.col("code")).forward_fill()
        above = pl.when(pl.col("level") == "2").then(section).otherwise(pl.col("code").str.head(-1).replace("", None))
        told = pl.col("parent_code") if as_json else pl.lit(None, pl.String)
        rows = rows.sort("position").with_columns(level=level).with_columns(parent_code=pl.coalesce(told, above))
    return rows, refused


def parse_correspondence(data: bytes, name: str) -> Parsed:
    """Rows (position, _extra and the columns of CORRESPONDENCE_HEADER) and refused lines of one correspondence table.

    `name` is the file's name: it tells the two classifications, the language and the format (CSV or API JSON).
    """
    as_json = _is_json(name)
    frame = _from_json(data, name, _correspondence_item) if as_json else _from_csv(data, name, CORRESPONDENCE_HEADER)
    kind = next((kind for kind in AREA_CODE if kind in name.lower()), None)
    if kind is None and not frame["source_code"].str.starts_with("0").any():
        # 1110 for 01110 looks like a sound four-digit class, so single lines cannot tell; that there is no 01 can.
        message = f"{name}: no code starts with 0; a spreadsheet has eaten them, take the original"
        raise LandingRefused("zeros_lost", message)
    source_shape = INDUSTRY_CODE if kind is None else MUNICIPALITY_CODE
    target_shape = INDUSTRY_CODE if kind is None else AREA_CODE[kind]
    checks = [
        *_readable(name),
        Check("bad_code", "source_code", pl.col("source_code").str.contains(source_shape), identifies=True),
        Check("bad_code", "target_code", pl.col("target_code").str.contains(target_shape), identifies=kind is None),
        Check("missing_name", "target_name", pl.col("target_name").is_not_null()),
    ]
    if not as_json:
        flags = ("distribution_source_to_target", "distribution_target_to_source")
        checks += [Check("bad_flag", flag, pl.col(flag).str.contains(r"^[012]$")) for flag in flags]
    key = ["source_code", "target_code"] if kind is None else ["source_code"]
    rows, refused = sift(frame, key=key, checks=checks, name=name)
    refuse_cut_off(data, name, rows, refused)
    return rows, refused


def _is_json(name: str) -> bool:
    return name.lower().endswith(".json")


def _readable(name: str) -> list[Check]:
    split = "not_an_object" if _is_json(name) else "field_count"
    return [
        Check("encoding", "line", pl.col("line").is_not_null(), identifies=True),
        Check(split, "line", pl.col("is_split"), identifies=True),
    ]


def _from_csv(data: bytes, name: str, header: dict[str, str]) -> pl.DataFrame:
    """The export's lines split by its own header into our column names; columns we do not know are kept as JSON in
    `_extra`.
    """
    encoding, skipped = "utf-8", 0
    if declared := DECLARATION.match(data.split(b"\n", 1)[0]):
        encoding, skipped = "cp1252", 1
        if not name.lower().startswith((stated := declared[1].decode("ascii")).lower()):
            raise LandingRefused("wrong_file", f"{name}: its first line says it is {stated}")
    frame = split_lines(data.removeprefix(b"\xef\xbb\xbf"), encoding)[skipped:]
    found = [] if frame.is_empty() else [part.strip().strip('"') for part in frame["original"][0].rstrip("; ").split(";")]
    if missing := [column for column in header if column not in found]:
        raise LandingRefused(
            "header",
            f"{name}: header has no {missing[0]}, it reads {';'.join(found)[:80]!r}; expected {';'.join(header)};",
        )
    frame = frame[1:]
    undecoded = frame["line"].null_count()
    if undecoded > max(1, frame.height // 1000):
        raise LandingRefused(
            "encoding",
            f"{name}: {undecoded} of {frame.height} lines are not {encoding}; take the original file",
        )
    names = [header.get(column, column) for column in found]
    frame = split_fields(frame, names)
    codes = [column for column in names if column.endswith("code")]
    frame = frame.with_columns(pl.col(codes).str.strip_prefix("'").str.strip_suffix("'"))
    unknown = [column for column in found if column not in header]
    extra = pl.struct(unknown).struct.json_encode() if unknown else pl.lit(None, pl.String)
    return frame.with_columns(_extra=extra).drop(unknown)


def _from_json(data: bytes, name: str, item: Callable[[dict[str, Any], str], dict[str, str | None]]) -> pl.DataFrame:
    """One row per element of an API answer; position counts elements from 1."""
    language = Path(name).stem[-2:].lower()
    try:
        answer = json.loads(data)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise LandingRefused("bad_json", f"{name}: no complete JSON ({error})") from error
    if not isinstance(answer, list) or not answer:
        raise LandingRefused("bad_json", f"{name}: expected a JSON array with at least one class")
    blank = dict.fromkeys(item({}, language))
    texts = [json.dumps(element, ensure_ascii=False) for element in answer]
    columns = {
        "position": pl.Int64,
        "line": pl.String,
        "original": pl.String,
        "is_split": pl.Boolean,
        **dict.fromkeys(blank, pl.String),
    }
    rows = [
        {"position": n, "line": text, "original": text, "is_split": isinstance(element, dict)}
        | (item(element, language) if isinstance(element, dict) else blank)
        for n, (element, text) in enumerate(zip(answer, texts, strict=True), start=1)
    ]
    return pl.DataFrame(rows, schema=columns).with_columns(_extra=pl.lit(None, pl.String))


def _classification_item(element: dict[str, Any], language: str) -> dict[str, str | None]:
    return {
        "code": _text(element.get("code")),
        "level": None,  # from the code's shape: the API's own number starts at 0 in some classifications
        "parent_code": _text(element.get("parentCode")),
        "name": _name(element, language),
    }


def _correspondence_item(element: dict[str, Any], language: str) -> dict[str, str | None]:
    source, target = (side if isinstance(side := element.get(key), dict) else {} for key in ("sourceItem", "targetItem"))
    return {
        "source_code": _text(source.get("code")),
        "source_name": _name(source, language),
        "target_code": _text(target.get("code")),
        "target_name": _name(target, language),
        "distribution_source_to_target": None,
        "distribution_target_to_source": None,
    }


def _name(element: dict[str, Any], language: str) -> str | None:
    names = element.get("classificationItemNames")
    entries = [n for n in names if isinstance(n, dict)] if isinstance(names, list) else []
    return next((_text(n.get("name")) for n in entries if n.get("lang") == language), None)


def _text(value: object) -> str | None:
    """Text only: a code that arrives as a number has already lost its zeros and must not be guessed back."""
    return (value.strip() or None) if isinstance(value, str) else None


def _choose(dataset: str, tables: Iterable[Table], files: list[Path]) -> list[tuple[Table, str, Path]]:
    """The file of every table and language of a dataset; empty if there is none at all, refused if some are missing
    or double.
    """
    wanted = [(table, language) for table in tables for language in table.languages]
    matches = [[file for file in files if table.pattern(language).fullmatch(file.name)] for table, language in wanted]
    if not any(matches):
        return []
    for (table, language), found in zip(wanted, matches, strict=True):
        if len(found) != 1:
            example = (
                table.pattern(language)
                .pattern.replace(r"\d{4}", "2026")
                .replace("(?:#|%23|__)", "__")
                .replace(r"\.(?:csv|json)", ".csv")
            )
            raise LandingRefused(
                "files_missing", f"{dataset}: {len(found)} files named like {example} (or .json), need exactly one"
            )
    return [(table, language, found[0]) for (table, language), found in zip(wanted, matches, strict=True)]


def _land_dataset(
    dataset: str,
    chosen: list[tuple[Table, str, Path]],
    as_of: date,
    home: Path,
    *,
    official: bool,
    accept_bounds: str | None,
) -> Manifest:
    source = Source.load("statfi")
    files = [archive_file(home, source.name, as_of, path) for _, _, path in chosen]
    exports = []
    for table, language, path in chosen:
        parse = parse_classification if table.target is None else parse_correspondence
        exports.append(Export(table, language, path.name, *parse(read_bytes(path, path.suffix.lower()), path.name)))
    _refuse_unequal(exports)
    if dataset == "industries":
        exports = _agree_on_sections(exports)
    # Positions are unique in a load: millions tell the file, the rest the line.
    landed = [export.landed().with_columns(_position=pl.col("position") + n * 1_000_000) for n, export in enumerate(exports)]
    refused = [export.keyed_refused().with_columns(pl.col("_position") + n * 1_000_000) for n, export in enumerate(exports)]
    columns = source.datasets[dataset].columns
    return land_table(
        source,
        dataset,
        pl.concat(frame.select(*columns, "_position", "_extra") for frame in landed).to_arrow(),
        as_of,
        files=files,
        home=home,
        refused=pl.concat(refused).to_arrow(),
        official=official,
        accept_bounds=accept_bounds,
    )


def _refuse_unequal(exports: list[Export]) -> None:
    """The language files of one table list the same classes; one that is shorter was cut at a line end, which nothing
    inside it tells.
    """
    first: dict[Table, Export] = {}
    for export in exports:
        other = first.setdefault(export.table, export)
        lines, expected = (e.rows.height + e.refused.height for e in (export, other))
        if lines != expected:
            message = f"{export.name} has {lines} classes, {other.name} has {expected}: one of them is cut short or older"
            raise LandingRefused("unequal_files", message)


def _agree_on_sections(exports: list[Export]) -> list[Export]:
    """Give every division the section that an undamaged language file gives it.

    The CSV export tells the section only by the order of its lines, so a damaged section line would hand its
    divisions to the section before it.
    """
    intact = next((export.rows for export in exports if export.refused.is_empty()), None)
    if intact is None:
        message = "every language file has damaged lines, so the sections of the divisions cannot be told; fetch them again"
        raise LandingRefused("sections", f"industries: {message}")
    sections = intact.filter(pl.col("level") == "2").select("code", section=pl.col("parent_code"))
    if childless := sorted(set(intact.filter(pl.col("level") == "1")["code"]) - set(sections["section"])):
        raise LandingRefused(
            "sections", f"industries: section {childless[0]} has no division; the lines are not in the official order"
        )
    return [
        replace(
            export,
            rows=export.rows.join(sections, on="code", how="left", maintain_order="left")
            .with_columns(parent_code=pl.coalesce("section", "parent_code"))
            .drop("section"),
        )
        for export in exports
    ]


def _download(base: str, wanted: dict[str, tuple[Table, ...]], day: date, folder: Path, progress: Progress) -> Path:
    """Fetch every table of `wanted` from the API into `folder`, under the names that `_choose` looks for."""
    tables = [(table, language) for tables in wanted.values() for table in tables for language in table.languages]
    for done, (table, language) in enumerate(tables):
        progress("statfi download", done, len(tables))
        stem = "__".join(part.replace(r"\d{4}", str(day.year)) for part in (table.source, table.target) if part)
        fetch(table.address(base.rstrip("/"), language, day), folder / f"{stem}_{language}.json")
    return folder
