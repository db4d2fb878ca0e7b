"""Generate: lay a made-up Finland on disk, day by day, in the formats of the sources, with the truth beside it."""

import json
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import duckdb

from base.files import atomic_file, write_text
from ingest.lake import Progress, literal, quiet
from ingest.synthetic.outreach import Outreach
from ingest.synthetic.ptv import Ptv
from ingest.synthetic.registers import Registers
from ingest.synthetic.society import Society
from ingest.synthetic.world import VERSION, World, world
from ingest.synthetic.ytj import Ytj

CHANGE_SHARE = 0.01
"""Share of the organisations that something happens to on an ordinary day."""

SOURCES = (
    "ytj",
    "ptv",
    "prh_officers",
    "prh_notices",
    "vero",
    "ytj_extract",
    "associations",
    "foundations",
    "statfi_business",
    "survey",
    "bounces",
    "external_lists",
)
"""What can be written: a folder each, named as the source."""

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
    sources: Iterable[str] | None = None,
    every: int = 1,
) -> None:
    """Write `days` days of a made-up Finland under `out`: a folder per source (ytj/ as PRH serves it) and truth/.

    sources: which of SOURCES to write, by default all; those left out change nothing in the others.
    organisations: in the bulk on the first day (up to about 1.7 million); each later day `change_share` of them change.
    every: days from one day to the next. With more than one the world ages faster: what happens is dated within the gap and as
    likely as in that many days; organisations change at a tenth of `change_share` a day, and each is asked about once a year.
    The same arguments give the same bytes. Memory stays bounded (under 1 GB) whatever the size. Raises ValueError on
    arguments that make no world, when the reserved business ids run out, and when `out` holds a world of other arguments.
    """
    if organisations < 1 or days < 1 or every < 1 or not 0 <= change_share <= 1:
        raise ValueError("organisations, days and every must be at least 1, change_share between 0 and 1")
    wanted = set(SOURCES if sources is None else sources)
    if unknown := wanted - set(SOURCES):
        raise ValueError(f"unknown source {min(unknown)}: choose among {', '.join(SOURCES)}")
    about = {
        "synthetic": True,
        "seed": seed,
        "organisations": organisations,
        "days": days,
        "every": every,
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
    with world(organisations, seed, start, change_share, every) as finland:
        ytj = Ytj(finland, out / "ytj")
        others = _Others(finland, out, wanted) if wanted - {"ytj"} else None
        if "ytj" in wanted:
            ytj.write_code_lists()
        for day in range(days):
            if day:
                finland.next_day(start + timedelta(days=day * every))
            if "ytj" in wanted:
                ytj.write_day(progress)
            if others:
                others.write_day(progress)
            _write_truth(finland, out / "truth")


class _Others:
    """The sources beside the register of companies, in their order."""

    def __init__(self, finland: World, out: Path, wanted: set[str]) -> None:
        self.society = Society(finland)
        self.registers = Registers(self.society, out)
        self.ptv = Ptv(self.society, out)
        self.outreach = Outreach(self.society, out)
        self.wanted = wanted
        self.is_first = True

    def write_day(self, progress: Progress) -> None:
        if not self.is_first:
            self.society.next_day()
        self.registers.start_day()
        writers = {
            "ptv": self.ptv.write_day,
            "prh_officers": self.registers.write_officers,
            "prh_notices": self.registers.write_notices,
            "vero": self.registers.write_tax,
            "ytj_extract": self.outreach.write_extract,
            "associations": self.outreach.write_associations,
            "foundations": self.outreach.write_foundations,
            "statfi_business": self.outreach.write_sizes,
            "survey": self.outreach.write_surveys,
            "bounces": self.outreach.write_bounces,
            "external_lists": self.outreach.write_lists,
        }
        writers = {source: write for source, write in writers.items() if source in self.wanted}
        for done, (source, write) in enumerate(writers.items(), start=1):
            write()
            progress(f"{source} {self.society.day}", done, len(writers))
        self.outreach.write_truth(self.wanted)
        self.is_first = self.outreach.is_first = False


def _write_truth(finland: World, folder: Path) -> None:
    path = folder / "organisations" / f"{finland.day.isoformat()}.parquet"
    with atomic_file(path) as temporary:
        finland.connection.execute(
            f"COPY ({TRUTH}) TO {literal(temporary)} (FORMAT parquet, COMPRESSION zstd)",
            [finland.day],
        )
