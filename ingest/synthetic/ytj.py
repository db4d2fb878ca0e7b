"""The Business Information System as PRH publishes it (open data v3): the daily bulk zip and the code lists.

`all_companies.zip` holds what the real one holds: registered and pending companies. `search_only.zip` is ours: the records the
search API knows beyond the bulk (ceased ones, and those the bulk dropped for a while), for the registry server to serve.
"""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

from base.files import atomic_file
from ingest.lake import Progress, quiet
from ingest.synthetic.lines import run_of
from ingest.synthetic.world import World

RECORDS_PER_SLICE = 20_000
"""Records rendered at a time: about 55 MB of text."""
LARGEST_PLAIN_ZIP = 600_000
"""Above so many records the text may pass 2 GiB, so the zip is written in zip64 form; below, as the real one, plainly."""

LANGUAGES = {"fi": "1", "sv": "2", "en": "3"}

CODE_SETS = {
    "YRMU": "SELECT code, name_{lang} FROM reference.legal_forms ORDER BY code::INTEGER",
    "TOIMI4": "SELECT code, name_{lang} FROM reference.industries ORDER BY level, code",
    # The old classification is at hand in Finnish only; INFERRED: the service repeats it in the other languages.
    "TOIMI3": "SELECT code, name_fi FROM reference.industries_2008 ORDER BY level, code",
    "TLAJI": "SELECT code, name_{lang} FROM reference.register_codes WHERE code_set = 'TLAJI' ORDER BY code",
    "REK": "SELECT code, name_{lang} FROM reference.register_codes WHERE code_set = 'REK' ORDER BY code",
    "VIRANOM": "SELECT code, name_{lang} FROM reference.register_codes WHERE code_set = 'VIRANOM' ORDER BY code",
    "TLAHDE": "SELECT code, name_{lang} FROM reference.register_codes WHERE code_set = 'TLAHDE' ORDER BY code",
    "KIELI": "SELECT code, name_{lang} FROM reference.register_codes WHERE code_set = 'KIELI' ORDER BY code",
    "STATUS3": "SELECT code, name_{lang} FROM reference.register_codes WHERE code_set = 'STATUS3' ORDER BY code",
    "KONK": "SELECT code, name_{lang} FROM reference.register_codes WHERE code_set = 'SITUATION' AND code = 'KONK'",
    "SANE": "SELECT code, name_{lang} FROM reference.register_codes WHERE code_set = 'SITUATION' AND code = 'SANE'",
    "SELTILA": "SELECT code, name_{lang} FROM reference.register_codes WHERE code_set = 'SITUATION' AND code = 'SELTILA'",
    "SELTILA,SANE,KONK": "SELECT code, name_{lang} FROM reference.register_codes WHERE code_set = 'SITUATION' ORDER BY code",
    # The keys of entry types are register_type, such as 1_0 (SOURCES.md 1.3): each register with the types it uses.
    "REK_KDI": """
        SELECT register || '_' || code, name_{lang}
        FROM reference.register_codes
        INNER JOIN (
            SELECT unnest(['1', '2', '3', '4']) AS register, ['0', '1', '2', '3', '4'] AS codes
            UNION ALL SELECT '5', ['55', '99']
            UNION ALL SELECT '6', ['35', '80', '82', '83', '84', '85', '86', '87', '88', '99', 'P84', 'V80']
            UNION ALL SELECT '7', ['41', '42', '99']
            UNION ALL SELECT '8', ['32', '99']
        ) ON list_contains(codes, code)
        WHERE code_set = 'REK_KDI'
        ORDER BY register, code""",
}
"""Query of (code, text) per code set of /description. TOIMI and TOIMI2 (older classifications) are not at hand."""


class Ytj:
    """Writes a world in the format of YTJ open data v3 under `folder`."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        world.run(Path(__file__).with_name("ytj_record.sql"))

    def write_code_lists(self) -> None:
        """`description/<CODE>.<lang>.txt` (code, tab, text) and `post_codes.<lang>.json`, as the service answers them."""
        connection = self.world.connection
        for code_set, query in CODE_SETS.items():
            for language in LANGUAGES:
                rows = connection.execute(query.format(lang=language)).fetchall()
                text = "".join(f"{code}\t{name}\n" for code, name in rows if name)
                _write(self.folder / "description" / f"{code_set}.{language}.txt", text)
        for language, number in LANGUAGES.items():
            # INFERRED: English answers repeat the Finnish names; technical codes (type 8) are the inactive ones.
            rows = connection.execute(
                f"""SELECT postcode, name_{"sv" if language == "sv" else "fi"}, type_code <> '8', municipality_code
                FROM reference.postal_codes ORDER BY postcode"""
            ).fetchall()
            entries = [
                {
                    "postCode": code,
                    "city": city,
                    "active": active,
                    "languageCode": number,
                    "municipalityCode": municipality,
                }
                for code, city, active, municipality in rows
            ]
            text = json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
            _write(self.folder / f"post_codes.{language}.json", text)

    def write_day(self, progress: Progress = quiet) -> None:
        """Today's bulk, and what search knows beyond it."""
        folder = self.folder / self.world.day.isoformat()
        self._write_zip(folder / "all_companies.zip", "in_bulk", RECORDS_PER_SLICE, progress)
        # One organisation in twenty: larger slices make texts of the same size.
        self._write_zip(folder / "search_only.zip", "NOT in_bulk", 10 * RECORDS_PER_SLICE, quiet)

    def _write_zip(self, path: Path, which: str, slice_size: int, progress: Progress) -> None:
        day = self.world.day
        # A member's time is part of the bytes: the day's, so that the same seed gives the same file.
        member = zipfile.ZipInfo(f"data_{day:%Y%m%d}.json", date_time=(day.year, day.month, day.day, 4, 0, 0))
        member.compress_type = zipfile.ZIP_DEFLATED
        member.external_attr = 0o644 << 16
        with (
            atomic_file(path) as temporary,
            zipfile.ZipFile(temporary, "w", compresslevel=1) as archive,
            archive.open(member, "w", force_zip64=self.world.numbers > LARGEST_PLAIN_ZIP) as file,
        ):
            file.write(b"[")
            comma_to_drop = 1
            for text in self._records(which, slice_size, progress):
                file.write(text[comma_to_drop:])
                comma_to_drop = 0
            file.write(b"]")

    def _records(self, which: str, slice_size: int, progress: Progress) -> Iterator[memoryview]:
        """The records as UTF-8 text, each preceded by a comma, some thousands at a time and never one by one."""
        query = f"""
            SELECT ',' || record AS record FROM ytj_record
            WHERE {which} AND number >= ?::BIGINT AND number < ?::BIGINT
            ORDER BY hash(number, 'position')"""
        for first, last in self.world.slices(slice_size):
            table = self.world.connection.sql(query, params=[first, last]).to_arrow_table()
            for chunk in table.column("record").chunks:
                if len(chunk):
                    yield run_of(chunk)
            progress(f"YTJ {self.world.day}", last, self.world.numbers)


def _write(path: Path, text: str) -> None:
    with atomic_file(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))
