"""Write the reference seeds anew from the newest landed exports: `python -m ingest.sources.renew_seeds`.

Belongs here: the step from the publishers' shape to ours. A seed is reviewed like code: the result is a diff in git
that
a person reads and commits. Seeds whose datasets have not landed are left alone.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from base.files import atomic_file
from ingest.lake import LandingRefused, connect, home, literal, newest

SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds"
# More than mergers and revisions take away at once; beyond it a cut export is likelier than news.
LARGEST_REMOVAL = 0.02


@dataclass(frozen=True)
class Renewal:
    """How one seed comes from landed datasets. `datasets` are source/dataset; each is a view of its current rows in
    `query`.
    """

    datasets: tuple[str, ...]
    key: tuple[str, ...]
    query: str
    nullable: tuple[str, ...] = ()


RENEWALS = {
    "industries": Renewal(
        ("statfi/industries",),
        ("code",),
        """
        with classes as (
            select
                code,
                max(level)::integer as level,
                max(parent_code) as parent_code,
                max(name) filter (language = 'fi') as name_fi,
                max(name) filter (language = 'sv') as name_sv,
                max(name) filter (language = 'en') as name_en
            from industries
            group by code
        )
        select
            c.code, c.level, c.parent_code,
            -- Every class below a section starts with the two digits of a division, whose parent is the section.
            coalesce(division.parent_code, c.code) as section_code,
            c.name_fi, c.name_sv, c.name_en
        from classes as c
        left join classes as division on division.code = left(c.code, 2) and division.level = 2
        order by section_code, if(c.level = 1, '', c.code)
        """,
        nullable=("parent_code",),
    ),
    "industry_crosswalk": Renewal(
        ("statfi/industry_crosswalk",),
        ("code_2008", "code_2025"),
        """
        with pairs as (
            select
                source_code as code_2008,
                target_code as code_2025,
                count(*) over (partition by source_code) as target_count,
                count(*) over (partition by target_code) as source_count,
                distribution_source_to_target as source_share_code,
                distribution_target_to_source as target_share_code
            from industry_crosswalk
            where length(source_code) = 5 and length(target_code) = 5
        )
        select
            code_2008, code_2025, target_count, source_share_code, target_share_code,
            target_count = 1 as is_single_target,
            target_count = 1 and source_count = 1 as is_one_to_one
        from pairs
        order by code_2008, code_2025
        """,
        nullable=("source_share_code", "target_share_code"),
    ),
    "municipalities": Renewal(
        ("statfi/municipalities", "statfi/municipality_areas"),
        ("code",),
        """
        with names as (
            select
                code,
                max(name) filter (language = 'fi') as name_fi,
                max(name) filter (language = 'sv') as name_sv
            from municipalities
            group by code
        ), areas as (
            select
                municipality_code as code,
                max(area_name) filter (area_kind = 'kielisuhde') as language_status,
                max(area_code) filter (area_kind = 'maakunta' and language = 'fi') as region_code,
                max(area_name) filter (area_kind = 'maakunta' and language = 'fi') as region_fi,
                max(area_name) filter (area_kind = 'maakunta' and language = 'sv') as region_sv,
                max(area_name) filter (area_kind = 'maakunta' and language = 'en') as region_en,
                max(area_code) filter (area_kind = 'seutukunta') as subregion_code,
                max(area_name) filter (area_kind = 'seutukunta') as subregion_fi,
                max(area_code) filter (area_kind = 'hyvinvointialue') as wellbeing_county_code,
                max(area_name) filter (area_kind = 'hyvinvointialue') as wellbeing_county_fi
            from municipality_areas
            group by municipality_code
        )
        select
            code, name_fi, name_sv,
            case language_status
                when 'Monolingual Finnish-speaking municipality' then 'fi'
                when 'Bilingual municipality with Finnish-speaking majority' then 'fi_sv'
                when 'Bilingual municipality with Swedish-speaking majority' then 'sv_fi'
                when 'Monolingual Swedish-speaking municipality' then 'sv'
            end as language_code,
            region_code, region_fi, region_sv, region_en, subregion_code, subregion_fi,
            wellbeing_county_code, wellbeing_county_fi
        from names
        full join areas using (code)
        order by code
        """,
    ),
    "postal_codes": Renewal(
        ("posti/postal_codes",),
        ("postcode",),
        """
        select
            postcode, name_fi, name_sv, type_code, municipality_code,
            -- 1899-12-31 is day zero of the system it is kept in: 'not known'.
            strftime(strptime(nullif(valid_from, '18991231'), '%Y%m%d'), '%Y-%m-%d') as valid_from
        from postal_codes
        order by postcode
        """,
        nullable=("valid_from",),
    ),
}


def renew_seeds(
    home: Path, seeds: Path = SEEDS, say: Callable[[str], None] = print, *, accept_removals: bool = False
) -> list[Path]:
    """Write every seed whose datasets have landed and whose content changed; return the files written.

    Tells `say` one line per seed: codes added, removed, renamed, otherwise changed. Writes nothing at all and raises
    LandingRefused if a seed would have an empty required value, or would lose more than 2 % of its codes, or any code
    while lines of its export lie in quarantine (the code may be in one of them); `accept_removals` lets removals pass.
    """
    renewed: dict[Path, pl.DataFrame] = {}
    with connect() as con:
        for seed, renewal in RENEWALS.items():
            if missing := [name for name in renewal.datasets if newest(home, *name.split("/")) is None]:
                say(f"{seed}: left alone, {missing[0]} has not landed")
                continue
            target = seeds / f"{seed}.csv"
            after = _current(con, home, renewal)
            _refuse_empty(seed, renewal, after)
            before = pl.read_csv(target, infer_schema=False) if target.exists() else after.clear()
            added, removed, renamed, changed = _difference(before, after, renewal.key)
            if not accept_removals:
                _refuse_removals(seed, renewal, removed, before.height, home)
            kinds = {"added": added, "removed": removed, "renamed": renamed, "otherwise changed": changed}
            say(f"{seed}: " + ", ".join(_some(kind, keys) for kind, keys in kinds.items()))
            if any(kinds.values()) or not target.exists():
                renewed[target] = after
    for target, rows in renewed.items():
        with atomic_file(target) as temporary:
            rows.write_csv(temporary)
    return list(renewed)


def _current(con: duckdb.DuckDBPyConnection, home: Path, renewal: Renewal) -> pl.DataFrame:
    """The seed's rows as text, from the newest version of every row that has not disappeared."""
    for name in renewal.datasets:
        con.execute(f"""
            create or replace temp view "{name.split("/")[1]}" as
            select * from read_parquet({literal(home / "raw" / name / "load=*" / "*.parquet")}, union_by_name=true,
            hive_partitioning=false)
            qualify row_number() over (partition by _key order by _load_id desc) = 1 and _op <> 'D'
        """)
    return pl.DataFrame(con.sql(renewal.query).to_arrow_table()).cast(pl.String)


def _difference(before: pl.DataFrame, after: pl.DataFrame, key: tuple[str, ...]) -> tuple[list[str], ...]:
    """Keys (added, removed, renamed in Finnish, otherwise changed) between two versions of a seed."""
    value = [column for column in after.columns if column not in key]
    old, new = (
        frame.select(
            pl.concat_str(key, separator=">").alias("key"),
            pl.col("name_fi").alias("name") if "name_fi" in value else pl.lit(None, pl.String).alias("name"),
            pl.struct(value).struct.json_encode().alias("value"),
        )
        for frame in (before, after)
    )
    both = old.join(new, on="key", how="full", coalesce=True, suffix="_new")
    renamed = pl.col("name").ne_missing(pl.col("name_new"))
    kept = both.filter(pl.col("value").is_not_null() & pl.col("value_new").is_not_null())
    return (
        both.filter(pl.col("value").is_null())["key"].sort().to_list(),
        both.filter(pl.col("value_new").is_null())["key"].sort().to_list(),
        kept.filter(renamed)["key"].sort().to_list(),
        kept.filter(~renamed & (pl.col("value") != pl.col("value_new")))["key"].sort().to_list(),
    )


def _refuse_empty(seed: str, renewal: Renewal, rows: pl.DataFrame) -> None:
    for column in rows.columns:
        if column not in renewal.nullable and (empty := rows.filter(pl.col(column).is_null())).height:
            key = ">".join(str(value) for value in empty.select(renewal.key).row(0))
            raise LandingRefused(
                "incomplete", f"{seed}: {empty.height} rows without {column}, first {key}; land a whole export first"
            )


def _refuse_removals(seed: str, renewal: Renewal, removed: list[str], size: int, home: Path) -> None:
    loads = [load for name in renewal.datasets if (load := newest(home, *name.split("/")))]
    quarantined = [load for load in loads if load.counts.quarantined]
    if removed and quarantined:
        load = quarantined[0]
        why = f"{load.counts.quarantined} lines of {load.load_id} lie in quarantine"
    elif len(removed) > LARGEST_REMOVAL * size:
        why = f"more than {LARGEST_REMOVAL:.0%} of {size}"
    else:
        return
    raise LandingRefused("removals", f"{seed} would lose {_some('codes', removed)}: {why}; accept removals if it is so")


def _some(what: str, keys: list[str], shown: int = 5) -> str:
    listed = ", ".join(keys[:shown]) + (", ..." if len(keys) > shown else "")
    return f"{len(keys)} {what}" + (f" ({listed})" if keys else "")


def main() -> None:
    """The command line: exit 0 when done, 1 with one line when refused."""
    parser = argparse.ArgumentParser(description="Write the reference seeds anew from the newest landed exports.")
    parser.add_argument("--accept-removals", action="store_true", help="let codes go even if many, or with lines in quarantine")
    arguments = parser.parse_args()
    try:
        written = renew_seeds(home(), accept_removals=arguments.accept_removals)
    except LandingRefused as refusal:
        raise SystemExit(str(refusal)) from None
    print(
        f"{len(written)} seeds written. Read the diff, set their reference_date in _seeds.yml, commit."
        if written
        else "Nothing to renew."
    )


if __name__ == "__main__":
    main()
