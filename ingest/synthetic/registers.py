"""What registers tell of companies and their people besides YTJ: officers, registered notices and corporate income tax."""

from datetime import date
from pathlib import Path

from ingest.synthetic.lines import texts, write_gzip, write_texts
from ingest.synthetic.society import Society

OFFICER_HEADER = "y_tunnus;toimielin;rooli;sukunimi;etunimet;syntymaaika;kansalaisuus;asuinmaa;alkupvm;loppupvm;henkilo_id\n"
TAX_HEADER = (
    "Verovuosi | Skatteår;Y-tunnus | FO-nummer;Verovelvollisen nimi | Den skattskyldiges namn;"
    "Verotuskunta | Beskattningskommun;Verotettava tulo | Beskattningsbar inkomst;"
    "Maksuunpannut verot yhteensä | Debiterade skatter ;Veronpalautus | Skatteåterbäring;Jäännösvero | Kvarskatt\r\n"
)
NOTICE_CODES = {
    "EC": {
        "TASE": "Tilinpäätösasiakirjat",
        "HAL": "Hallitus",
        "TOIM": "Toimitusjohtajat",
        "TILTAR": "Tilintarkastajat",
        "TILTAE": "Eronneet tilintarkastajat",
        "TILTAP": "Tilintarkastusmääräysten poisto",
        "ESR": "Tosiasialliset edunsaajat",
        "TAL": "Toimiala",
        "OSLUKU": "Osakkeiden lukumäärä",
        "TMI": "Toiminimi",
        "NORTIL": "Normaali tilikausi",
        "POITIL": "Poikkeava tilikausi",
        "OPO": "Osakepääoma",
        "KOTI": "Kotipaikka",
        "PERUS": "Perustaminen",
        "NIMP": "Nimenmuutos",
        "LAKK": "Lakkaaminen",
    },
    "NRT": {"U": "Uusi yritys", "M": "Muutos", "TA": "Tilinpäätös"},
}
"""Code lists of the notices service (SAW; PERUS, NIMP, LAKK and the types are INFERRED). Only Finnish is at hand."""


class Registers:
    """Writes prh_officers/, prh_notices/ and vero/ under `out`."""

    def __init__(self, society: Society, out: Path) -> None:
        self.society = society
        self.world = society.world
        self.out = out
        self.yesterday: date | None = None
        self.taxed: set[int] = set()
        self.world.run(Path(__file__).with_name("registers.sql"))

    def write_officers(self) -> None:
        """`officers.csv`: every registered place of today, the ended ones too. UTF-8 with a mark, semicolons."""
        query = """SELECT line FROM officer_line WHERE number >= $first AND number < $last
            ORDER BY place_in_file, number, slot, generation"""
        runs = texts(self.world.connection, query, self.society.slices(50_000))
        write_texts(self.out / "prh_officers" / self._day() / "officers.csv", runs, "\ufeff" + OFFICER_HEADER)

    def write_notices(self) -> None:
        """`companies.jsonl.gz`, a company a line: all of them on the first day, later those with a notice since the day before.

        The registry server lays the days over each other and serves them fifty a page.
        """
        folder = self.out / "prh_notices"
        if self.yesterday is None:
            connection = self.world.connection
            for code, labels in NOTICE_CODES.items():
                text = "".join(f"{key}\t{label}\n" for key, label in labels.items())
                for language in ("FI", "SV", "EN"):
                    write_texts(folder / "description" / f"{code}.{language}.txt", [], text)
            forms = connection.execute("SELECT code, name_fi, name_sv, name_en FROM reference.legal_forms ORDER BY code::INT")
            rows = forms.fetchall()
            for column, language in enumerate(("FI", "SV", "EN"), start=1):
                text = "".join(f"{row[0]}\t{row[column]}\n" for row in rows if row[column])
                write_texts(folder / "description" / f"CF.{language}.txt", [], text)
        since = f"DATE '{self.yesterday}'" if self.yesterday else "NULL::DATE"
        query = f"SELECT line FROM noticed($first::BIGINT, $last::BIGINT, {since})"
        write_gzip(folder / self._day() / "companies.jsonl.gz", texts(self.world.connection, query, self.world.slices(20_000)))
        self.yesterday = self.world.day

    def write_tax(self) -> None:
        """`<year>.csv` of the last two years published: each November comes the year before. Latin-1."""
        published = self.world.day.year - (1 if self.world.day.month >= 11 else 2)
        for year in {published - 1, published} - self.taxed:
            self.taxed.add(year)
            query = f"SELECT line FROM taxed($first::BIGINT, $last::BIGINT, {year})"
            runs = texts(self.world.connection, query, self.society.slices(50_000))
            write_texts(self.out / "vero" / f"{year}.csv", runs, TAX_HEADER, "latin-1")

    def _day(self) -> str:
        return self.world.day.isoformat()

    def start_day(self) -> None:
        """Let the SQL know what day it is."""
        self.world.connection.execute(f"SET VARIABLE today = DATE '{self.world.day}'")
