"""Generate: lay a made-up Finland on disk, day by day, in the formats of the sources, with the truth beside it."""

import json
from datetime import date, timedelta
from pathlib import Path

import duckdb

from base.files import atomic_file, write_text
from ingest.lake import Progress, literal, quiet
from ingest.synthetic.world import VERSION, World, world
from ingest.synthetic.ytj import Ytj

CHANGE_SHARE = 0.01
"""Share of the organisations that something happens to on an ordinary day."""

TRUTH = """
SELECT
    ?::DATE AS day,
    business_id,
    name,
    legal_form_code,
    (SELECT map(list(code), list(letters)) FROM reference.legal_forms)[legal_form_code] AS legal_form_letters,
    status,
    tol_2025_code,
    industry_code_set AS written_industry_code_set,
    industry_code AS written_industry_code,
    municipality_code,
    visiting,
    postal,
    website,
    employer_since IS NOT NULL AND status <> 'ceased' AS is_employer,
    registered_on,
    ended_on,
    event,
    changed_field,
    is_reshuffled,
    in_bulk,
    true AS is_synthetic
FROM organisation
"""
"""The truth about one day. Ceased organisations stay (status ceased); of them and of disappeared ones in_bulk is false."""


def generate(
    organisations: int,
    seed: int,
    days: int,
    out: Path,
    start: date = date(2026, 1, 2),
    progress: Progress = quiet,
    change_share: float = CHANGE_SHARE,
) -> None:
    """Write `days` days of a made-up Finland under `out`: ytj/ (as PRH serves it) and truth/ (what is really so).

    organisations: in the bulk on the first day (up to about 1.7 million); each later day `change_share` of them change.
    The same arguments give the same bytes. Memory stays bounded (under 1 GB) whatever the size. Raises ValueError on
    arguments that make no world, when the reserved business ids run out, and when `out` holds a world of other arguments.
    """
    if organisations < 1 or days < 1 or not 0 <= change_share <= 1:
        raise ValueError("organisations and days must be at least 1, change_share between 0 and 1")
    about = {
        "synthetic": True,
        "seed": seed,
        "organisations": organisations,
        "days": days,
        "start": start.isoformat(),
        "change_share": change_share,
        "generator_version": VERSION,
        "duckdb_version": duckdb.__version__,
        "note": "Made up. Any likeness to a real organisation or person is chance.",
    }
    identity, path = json.dumps(about, indent=2) + "\n", out / "truth" / "about.json"
    if path.exists() and path.read_text(encoding="utf-8") != identity:
        raise ValueError(f"{out} holds another made-up Finland (see truth/about.json): choose another folder")
    write_text(path, identity)
    with world(organisations, seed, start, change_share) as finland:
        ytj = Ytj(finland, out / "ytj")
        ytj.write_code_lists()
        for day in range(days):
            if day:
                finland.next_day(start + timedelta(days=day))
            ytj.write_day(progress)
            _write_truth(finland, out / "truth")


def _write_truth(finland: World, folder: Path) -> None:
    path = folder / "organisations" / f"{finland.day.isoformat()}.parquet"
    with atomic_file(path) as temporary:
        finland.connection.execute(
            f"COPY ({TRUTH}) TO {literal(temporary)} (FORMAT parquet, COMPRESSION zstd)",
            [finland.day],
        )
