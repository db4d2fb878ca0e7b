"""What is known beyond the open registers: contacts, associations and foundations, classes of size, surveys and feedback."""

import hashlib
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import xlsxwriter

from base.files import atomic_file
from base.normalise import name_fold
from ingest.lake import literal
from ingest.synthetic.lines import texts, write_texts
from ingest.synthetic.society import Society

PER_FILE = 2_000
"""Associations in a file."""

SURVEY_COLUMNS = """
    case_id aalto y_tunnus yritys henkilosto puhelin yhteyshenkilo_etunimi yhteyshenkilo_sukunimi titteli vastuualue sahkoposti
    kaynti_katu kaynti_postinumero kaynti_postitoimipaikka posti_osoite posti_postinumero posti_postitoimipaikka
    kieli kutsu_pvm soittokerrat viim_yhteys tulos haastattelija soittoaika kesto muistiinpano suostumus kielto aikaleima
    vastaaja_itse
""".split()  # noqa: SIM905
"""As CATI and panel systems export them (DOMAIN.md 4.4); of the areas there is one column, or sixteen."""

AREA_COLUMNS = [f"alue_{number:02}" for number in range(1, 17)]


class Outreach:
    """Writes ytj_extract/, associations/, foundations/, statfi_business/, survey/, bounces/ and external_lists/ under `out`."""

    def __init__(self, society: Society, out: Path) -> None:
        self.society = society
        self.connection = society.world.connection
        self.out = out
        self.is_first = True
        self.months: set[str] = set()
        society.world.run(Path(__file__).with_name("outreach.sql"))

    def write_extract(self) -> None:
        """`companies.jsonl`: what the register answers about sole traders and some companies, contact data included."""
        query = f"SELECT line FROM extracted($first::BIGINT, $last::BIGINT, {self._today()})"
        runs = texts(self.connection, query, self.society.slices(20_000))
        write_texts(self.out / "ytj_extract" / self._day() / "companies.jsonl", runs)

    def write_associations(self) -> None:
        """`associations-<n>.json`: arrays of YRTTI's BasicInfoResponse."""
        self._write_bodies("association")

    def write_foundations(self) -> None:
        """`foundations-<n>.json`, as associations."""
        self._write_bodies("foundation")

    def _write_bodies(self, kind: str) -> None:
        query = f"SELECT record FROM registered_body($first::BIGINT, $last::BIGINT, {self._today()}, '{kind}')"
        folder, number, batch = self.out / f"{kind}s" / self._day(), 1, list[str]()
        for first, last in self.society.other_slices(50_000):
            batch += [row[0] for row in self.connection.execute(query, {"first": first, "last": last}).fetchall()]
            while len(batch) >= PER_FILE:
                write_texts(folder / f"{kind}s-{number}.json", [], f"[{','.join(batch[:PER_FILE])}]")
                batch, number = batch[PER_FILE:], number + 1
        if batch:
            write_texts(folder / f"{kind}s-{number}.json", [], f"[{','.join(batch)}]")

    def write_sizes(self) -> None:
        """`<month>.csv` (size and sector) and `<month>-staff.csv` (classes of staff), once a month."""
        month = f"{self.society.day:%Y-%m}"
        if month in self.months:
            return
        self.months.add(month)
        for name, query, header in [
            (month, "sized($first::BIGINT, $last::BIGINT)", "ytunnus;nimi;toimiala;sektori;yritystoiminnan tyyppi"),
            (
                f"{month}-staff",
                f"staffed($first::BIGINT, $last::BIGINT, {self._today()})",
                "ytunnus;henkiloston suuruusluokka;kuukausi",
            ),
        ]:
            runs = texts(self.connection, f"SELECT line FROM {query}", self.society.slices(50_000))
            write_texts(self.out / "statfi_business" / f"{name}.csv", runs, f"\ufeff{header}\n")

    def write_surveys(self) -> None:
        """Exports of three systems: cati (UTF-8 with a mark), panel (Latin-1, a column per area) and web (a workbook).

        A system that heard nobody exports nothing.
        """
        folder, stamp = self.out / "survey" / self._day(), f"{self.society.day:%Y%m%d}"
        self._call()
        step = "NULL" if self.is_first else str(self.society.world.gap)
        self._gather("survey_row", f"surveyed($first, $last, {self._today()}, {step})", "number, slot, generation, case_id")
        self._tell_apart()
        names = ["etunimi AS yhteyshenkilo_etunimi", "sukunimi AS yhteyshenkilo_sukunimi"]
        plain = [name for name in SURVEY_COLUMNS if not name.startswith("yhteyshenkilo") and name != "vastuualue"]
        tick = "if(list_contains(areas, {}), pick(['1', '1', 'X', 'x'], number, 'tick'), pick(['0', ''], number, 'no tick'))"
        areas = [tick.format(number) for number in range(1, 17)]
        self.connection.execute(
            f"""CREATE OR REPLACE VIEW survey_text AS
            SELECT number, slot, generation, mode, areas, {", ".join(names + plain)},
                CASE WHEN len(areas) = 0 THEN '' WHEN mode = 'cati' THEN array_to_string(areas, ',')
                ELSE array_to_string(list_transform(areas, lambda n: getvariable('area_names')[n]), '; ') END AS vastuualue
            FROM survey_row"""
        )
        in_columns = [name for name in SURVEY_COLUMNS if name != "vastuualue"]
        for mode, encoding, header, fields in [
            ("cati", "utf-8", SURVEY_COLUMNS, SURVEY_COLUMNS),
            ("panel", "latin-1", in_columns + AREA_COLUMNS, in_columns + areas),
        ]:
            if not self._answers(mode):
                continue
            query = f"""SELECT replace(csv_line([{", ".join(fields)}]), chr(10), chr(13) || chr(10)) AS line FROM survey_text
                WHERE mode = '{mode}' AND number >= $first AND number < $last
                ORDER BY hash(number, 'survey'), case_id, slot, generation"""
            mark = "\ufeff" if encoding == "utf-8" else ""
            runs = texts(self.connection, query, self.society.slices())
            write_texts(folder / f"{mode}_{stamp}.csv", runs, mark + ";".join(header) + "\r\n", encoding)
        if self._answers("web"):
            self._write_workbook(folder / f"web_{stamp}.xlsx")
        self._write_truth("survey", "SELECT * FROM survey_row ORDER BY number, case_id, slot, generation")

    def _call(self) -> None:
        """Note whom the interviewers called since the last day: of a year, a share of a day's, or those due after a year."""
        world, today = self.society.world, self._today()
        if self.is_first:
            calls, gap = f"first_calls(?, ?, {today})", 400
        elif world.every > 1:
            calls, gap = f"yearly_calls(?, ?, {today}, {world.gap}, DATE '{world.start}')", world.gap
        else:
            # Everybody once in 250 working days, but in a small world enough a day to be seen.
            share = max(0.004, min(0.25, 30 / (0.04 * world.organisations + self.society.public)))
            calls, gap = f"daily_calls(?, ?, {today}, {share}::DOUBLE)", world.gap
        for first, last in self.society.slices():
            self.connection.execute(f"INSERT INTO call FROM {calls} ORDER BY number", [first, last])
        self.connection.execute(f"INSERT INTO call FROM check_calls({today}, {gap}) ORDER BY number")

    def _tell_apart(self) -> None:
        """Give each report the key its reader makes of case and name; of two that would share one, the second goes unsaid."""
        rows = self.connection.execute(
            """SELECT rowid, case_id, etunimi, sukunimi FROM survey_row WHERE person IS NOT NULL
            ORDER BY number, case_id, slot, generation"""
        )
        seen: set[str] = set()
        kept: dict[str, list[object]] = {"row": [], "report_id": []}
        while batch := rows.fetchmany(50_000):
            for row, case_id, first_name, last_name in batch:
                report_id = hashlib.sha256(f"{case_id}|{name_fold(f'{first_name} {last_name}')}".encode()).hexdigest()[:24]
                if report_id not in seen:
                    seen.add(report_id)
                    kept["row"].append(row)
                    kept["report_id"].append(report_id)
        self.connection.register("kept", pa.table(kept, schema=pa.schema([("row", pa.int64()), ("report_id", pa.string())])))
        self.connection.execute(
            """CREATE OR REPLACE TABLE survey_row AS
            SELECT s.*, k.report_id FROM survey_row AS s LEFT JOIN kept AS k ON s.rowid = k.row
            WHERE s.person IS NULL OR k.row IS NOT NULL
            ORDER BY s.number, s.case_id, s.slot, s.generation"""
        )
        self.connection.unregister("kept")

    def _answers(self, mode: str) -> int:
        return len(self.connection.execute("SELECT 1 FROM survey_row WHERE mode = ? LIMIT 1", [mode]).fetchall())

    def _write_workbook(self, path: Path) -> None:
        """Everything as text cells: a postal code keeps its zeros."""
        cursor = self.connection.execute(
            f"""SELECT {", ".join(SURVEY_COLUMNS)} FROM survey_text WHERE mode = 'web'
            ORDER BY hash(number, 'survey'), case_id, slot, generation"""
        )
        with atomic_file(path) as temporary:
            options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
            workbook = xlsxwriter.Workbook(str(temporary), options)
            # Else the file holds the moment it was written.
            workbook.set_properties({"created": datetime.combine(self.society.day, datetime.min.time())})
            sheet = workbook.add_worksheet("Vastaukset")
            sheet.write_row(0, 0, SURVEY_COLUMNS)
            row = 1
            while rows := cursor.fetchmany(1000):
                for values in rows:
                    for column, value in enumerate(values):
                        if value:
                            sheet.write_string(row, column, value)
                    row += 1
            workbook.close()

    def write_bounces(self) -> None:
        """`<day>.csv`: addresses customers had trouble with, among them some that are none of ours."""
        self._gather("bounce", f"bounced($first, $last, {self._today()}, {self.society.world.gap}, {self.is_first})", "who")
        query = """SELECT
                csv_line([recipient, concat('K-', 2000 + dice(who, 'delivery', 12)), email, kind, bounced_on::VARCHAR]) AS line
            FROM (SELECT * FROM bounce WHERE who // 4096 >= $first AND who // 4096 < $last ORDER BY hash(who, 'bounce'))"""
        day = self.society.day
        odd = f"A-1001;K-2001;nobody@unknown.example;hard;{day}\nA-1003;K-2002;ei-osoite;soft;{day}\n"
        header = "\ufeffasiakas;toimitus;sahkoposti;tapahtuma;pvm\n"
        runs = texts(self.connection, query, self.society.slices())
        write_texts(self.out / "bounces" / f"{self._day()}.csv", runs, header + odd)
        self._write_truth("bounces", "SELECT * FROM bounce ORDER BY who")

    def write_lists(self) -> None:
        """`<list>_<yyyymmdd>.csv`: e-mail addresses, telephone numbers and business ids that an outside list bans."""
        phone = f"contact_phone(number, {self._today()})"
        for kind, header, value, written, share in [
            ("email_ban", "sahkoposti", "contact_email(number, domain, is_swedish)", "value", 0.004),
            ("phone_ban", "puhelin", phone, "told_phone(value, number)", 0.004),
            ("organisation_ban", "y_tunnus", "business_id", "value", 0.002),
        ]:
            query = f"""SELECT csv_line([{written}, '{self._day()}']) AS line
                FROM (SELECT number, {value} AS value FROM entity WHERE number >= $first AND number < $last
                    AND chance(number, '{kind}', {share}))
                WHERE value IS NOT NULL ORDER BY hash(number, 'banned')"""
            runs = texts(self.connection, query, self.society.slices())
            name = f"{kind}_{self.society.day:%Y%m%d}.csv"
            write_texts(self.out / "external_lists" / self._day() / name, runs, f"{header};päivitetty\n")

    def write_truth(self, wanted: Collection[str]) -> None:
        """Who is who today: every organisation of any kind, every tenure with the person's name, the contact points, and whom
        each line that names a person means, in those of the wanted sources that do."""
        today = self._today()
        self._write_truth(
            "entities",
            """SELECT number, business_id, kind, legal_form_code, name, status, industry_code, municipality_code, staff, domain,
                registered_on, ended_on, registration_number, true AS is_synthetic FROM entity ORDER BY number""",
        )
        self._write_truth(
            "roles",
            f"""SELECT e.business_id, t.number, t.slot, t.generation, t.person, t.organ, t.role, t.title, t.level, t.area_codes,
                t.language, t.started_on, t.ended_on, t.arrival, t.stays,
                t.organ IS NOT NULL AND e.kind <> 'association' AND is_bought(e.number, e.kind, e.staff) AS is_told,
                w.call_name AS first_name, w.forenames AS first_names,
                surname_on(w, {today}) AS last_name, w.birth_surname, w.married_on, w.born_on AS birth_date, w.register_id,
                t.organ IS NOT DISTINCT FROM 'TIL' AND chance(t.person, 'audit firm', 0.5) AS is_firm,
                work_email(w, t.started_on, e.domain) AS work_email, w.mobile, true AS is_synthetic
            FROM tenure AS t
            INNER JOIN entity AS e ON t.number = e.number
            INNER JOIN person AS w ON t.person = w.person
            ORDER BY t.number, t.slot, t.generation""",
        )
        self._write_truth(
            "contacts",
            f"""SELECT business_id, contact_phone(number, {today}) AS phone, contact_email(number, domain, is_swedish) AS email,
                website, true AS is_synthetic FROM entity WHERE NOT is_historic ORDER BY number""",
        )

        mentions = {
            "prh_officers": "FROM officer_mention",
            "survey": """SELECT 'survey' AS source, 'decision_makers' AS dataset, report_id AS record_key,
                business_id(number) AS business_id, person, false AS is_firm, number, slot, generation
                FROM survey_row WHERE person IS NOT NULL""",
        }
        told = " UNION ALL ".join(f"({mentions[source]})" for source in mentions if source in wanted)
        if told:
            self._write_truth(
                "mentions",
                f"""SELECT concat_ws(':', source, dataset, record_key) AS mention_id, *, true AS is_synthetic
                FROM ({told}) ORDER BY source, number, slot, generation, record_key""",
            )

    def _gather(self, table: str, query: str, order: str) -> None:
        """A table of what a query gives, slice after slice."""
        for number, (first, last) in enumerate(self.society.slices()):
            into = f"INSERT INTO {table}" if number else f"CREATE OR REPLACE TABLE {table} AS"
            self.connection.execute(f"{into} FROM {query} ORDER BY {order}", {"first": first, "last": last})

    def _write_truth(self, name: str, query: str) -> None:
        with atomic_file(self.out / "truth" / name / f"{self._day()}.parquet") as temporary:
            self.connection.execute(f"COPY ({query}) TO {literal(temporary)} (FORMAT parquet, COMPRESSION zstd)")

    def _day(self) -> str:
        return self.society.day.isoformat()

    def _today(self) -> str:
        return f"DATE '{self._day()}'"
