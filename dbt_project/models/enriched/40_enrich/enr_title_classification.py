"""Titles as told -> areas of responsibility, by base/titles and the vocabulary in the seeds. Each distinct title once.

Python, because taking a compound apart by a lexicon is no query. Incremental: a day judges the titles it has not seen, or not
by this vocabulary and these rules; 20,000 new ones take seconds. It runs in dbt's own process. On Spark it would run on the
driver, on the collected distinct titles, which are few; or `classify` over each partition with mapInArrow.
"""

import base.titles as titles


def model(dbt, session):
    """title_told, language_code -> one row per area; area_code null where the title says none."""
    dbt.config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key=["title_told", "language_code"],
        on_schema_change="fail",
    )
    seeds = titles.rows_of(
        {
            "title_functions": dbt.ref("title_functions").pl(),
            "title_exact": dbt.ref("title_exact").pl(),
            "title_heads": dbt.ref("title_heads").pl(),
            "title_modifiers": dbt.ref("title_modifiers").pl(),
            "title_negatives": dbt.ref("title_negatives").pl(),
            "title_initialisms": dbt.ref("title_initialisms").pl(),
        }
    )
    reports = dbt.ref("stg_survey__decision_makers")  # noqa: F841 - DuckDB finds it by its name
    told = session.sql("""
        select distinct title, coalesce(language_code, 'und') as language
        from reports
        where title is not null
    """)
    if dbt.is_incremental:
        told = session.sql(f"""
            select * from told
            where (title, language) not in (
                select (title_told, language_code) from {dbt.this} where classifier_version = '{titles.version_of(seeds)}'
            )
        """)
    new = told.pl()
    found = titles.classify(new, titles.Vocabulary(seeds) if len(new) else None)  # an index for nothing costs a second
    return found.rename({"title": "title_told", "language": "language_code"}).to_arrow()
