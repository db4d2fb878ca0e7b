"""What `kohde refresh` is compared with, each run as `python -m bench.refresh_peers splink|exact FOLDER`.

`splink`: Splink 5 on DuckDB, linked and trained as its guide says (u by random sampling, m by expectation maximisation over two
blockings, term frequencies for what is common), with our normal forms, our list of former and trade names and former places as
further records, and all that its comparisons can weigh. `exact`: business id, else telephone, mailbox, or name with postcode.
Both read the same file and the same register and leave `<peer>.parquet` with their best organisation of each row and its score.
"""

import sys
from pathlib import Path

import duckdb

from base.files import atomic_file
from bench.refresh_mess import COLUMNS
from delivery.refresh import forms
from delivery.refresh.candidates import REGISTER
from delivery.refresh.matching import GIVEN

NAMED = {
    "name": "name", "business_id": "business_id", "puhelin": "phone", "email": "email", "postcode": "postcode", "town": "town",
    "street": "street", "website": "website",
}  # fmt: skip


def read(folder: Path) -> duckdb.DuckDBPyConnection:
    """Both sides in normal forms: temp tables `given`, `organisation`, `face`, `place`."""
    db = duckdb.connect(config={"preserve_insertion_order": "false"})
    db.execute("set enable_progress_bar = false")
    db.execute(f"attach '{folder / 'registry.duckdb'}' as registry (read_only)")
    forms.prepare(db)
    told = ", ".join(f'"{COLUMNS[ours]}" as {name}' for ours, name in NAMED.items())
    db.execute(
        f"create temp table told as select row_number() over () - 1 as row_id, {told}"
        f" from read_csv('{folder / 'customer.csv'}', delim = ';', header = true, all_varchar = true, quote = '\"')"
    )
    db.execute(GIVEN)
    for table, query in REGISTER.items():
        db.execute(f"create temp table {table} as {query}")
    return db


def splink(db: duckdb.DuckDBPyConnection) -> str:
    """Train, predict; returns the SQL of its answers."""
    import splink.comparison_level_library as level
    import splink.comparison_library as compare
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    columns = "business_id, core, form, phone, mailbox, coalesce(web_site, mail_site) as site, postcode, town, street, house"
    db.execute(f"""create table ours as select row_id as unique_id, {columns}, left(core, 4) as head,
        right(replace(core, ' ', ''), 5) as tail, words[1] as word_1, words[2] as word_2 from given""")
    db.execute(f"""create table theirs as
        with known as (
            select * from face inner join place using (org) where face.kind = 1 and place.kind = 1
            union all select * from face inner join place using (org) where (face.kind = 1) <> (place.kind = 1)
        )
        select row_number() over () as unique_id, org, {columns}, left(core, 4) as head, right(replace(core, ' ', ''),
            5) as tail,
            words[1] as word_1, words[2] as word_2
        from known inner join (select org, business_id, phone, mailbox, if(mail_site in (from free_mail), null,
            mail_site) as mail_site,
            web_site from organisation) using (org)""")
    name = compare.CustomComparison(
        [
            level.NullLevel("core"),
            level.ExactMatchLevel("core", term_frequency_adjustments=True),
            level.JaroWinklerLevel("core", 0.96),
            level.JaroWinklerLevel("core", 0.92),
            level.JaroWinklerLevel("core", 0.86),
            level.JaroWinklerLevel("core", 0.78),
            level.ElseLevel(),
        ],
        output_column_name="core",
    )
    place = compare.CustomComparison(
        [
            level.And(level.NullLevel("postcode"), level.NullLevel("town")),
            level.And(level.ExactMatchLevel("postcode"), level.ExactMatchLevel("street"), level.ExactMatchLevel("house")),
            level.And(level.ExactMatchLevel("town"), level.ExactMatchLevel("street"), level.ExactMatchLevel("house")),
            level.And(level.ExactMatchLevel("postcode"), level.ExactMatchLevel("street")),
            level.And(level.ExactMatchLevel("postcode"), level.JaroWinklerLevel("street", 0.9)),
            level.ExactMatchLevel("postcode", term_frequency_adjustments=True),
            level.ExactMatchLevel("town"),
            level.ElseLevel(),
        ],
        output_column_name="place",
    )
    settings = SettingsCreator(
        link_type="link_only",
        comparisons=[
            name,
            place,
            compare.LevenshteinAtThresholds("business_id", [1]),
            compare.ExactMatch("phone"),
            compare.ExactMatch("mailbox"),
            compare.ExactMatch("site"),
            compare.ExactMatch("form"),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("business_id"), block_on("phone"), block_on("mailbox"), block_on("site"), block_on("core"),
            block_on("postcode", "street", "house"), block_on("postcode", "head"), block_on("postcode", "tail"),
            block_on("town", "head", "tail"), block_on("town", "word_2"), block_on("word_1", "word_2"),
        ],
        retain_matching_columns=False,
        additional_columns_to_retain=[],
    )  # fmt: skip
    api = DuckDBAPI(connection=db)
    linker = Linker(
        [api.register("ours", dataset_display_name="ours"), api.register("theirs", dataset_display_name="theirs")],
        settings,
        log_level="ERROR",
    )
    rules = [block_on("business_id"), block_on("phone"), block_on("core", "postcode")]
    linker.training.estimate_probability_two_random_records_match(rules, recall=0.8)
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("business_id"))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("core", "postcode"))
    found = linker.inference.predict(threshold_match_probability=0.01)
    return f"""select row_id, organisation.business_id, score from (
        select if(source_dataset_l = 'ours', unique_id_l, unique_id_r) as row_id,
            if(source_dataset_l = 'ours', unique_id_r, unique_id_l) as other, match_probability as score, match_weight
        from {found.physical_name}) as found inner join theirs on other = theirs.unique_id inner join organisation using (org)
        qualify row_number() over (partition by row_id order by match_weight desc, organisation.business_id) = 1"""


EXACT = """
with named as (select business_id, lower(name) as name, visiting_postcode as postcode from registry.organisations), hit as (
    select row_id, business_id, 1 as rank from given semi join organisation using (business_id)
    union all select row_id, organisation.business_id, 2 from given inner join organisation using (phone)
    union all select row_id, organisation.business_id, 3 from given inner join organisation using (mailbox)
    union all select row_id, named.business_id, 4 from told inner join named on lower(told.name) = named.name
        and told.postcode = named.postcode
), one as (select row_id, rank, min(business_id) as business_id from hit group by all having count(distinct business_id) = 1)
select row_id, business_id, 1.0 as score from one qualify row_number() over (partition by row_id order by rank) = 1"""


def main() -> None:
    """Run one peer on a folder."""
    peer, folder = sys.argv[1], Path(sys.argv[2])
    db = read(folder)
    query = splink(db) if peer == "splink" else EXACT
    with atomic_file(folder / f"{peer}.parquet") as temporary:
        db.execute(f"copy ({query}) to '{temporary}' (format parquet)")


if __name__ == "__main__":
    main()
