"""Which industries stand where: active organisations by section and region."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Industries and regions")

with app.setup:
    import altair as alt
    import marimo as mo

    from orchestration import gallery

    gallery.look()


@app.cell
def _():
    mo.md("""
    # Which industries stand where?

    Active organisations by section of TOL 2025 and by region. Above 1 a section is more at home in a region than in the country
    as a whole (location quotient). Reads `analyst.duckdb`.
    """)
    return


@app.cell
def _():
    ask = gallery.connect("analyst")
    sections = ask("select code, name_en from reference.industries where level = 1 order by code")
    return ask, sections


@app.cell
def _(sections):
    section = mo.ui.dropdown(
        {"all": "", **dict(zip(sections["name_en"], sections["code"], strict=True))}, value="all", label="Section on the map"
    )
    section
    return (section,)


@app.cell
def _(ask, section):
    regions = ask(
        """
        select region_code, any_value(region_name_en) as region_name, count(*) as organisations
        from organisations
        where status = 'active' and region_code is not null and ($1 = '' or industry_section = $1)
        group by all
        """,
        [section.value],
    )
    quotients = ask(
        """
        with counted as (
            select industry_section as section, region_name_en as region, count(*) as organisations
            from organisations
            where status = 'active' and region_code is not null and industry_section is not null
            group by all
        )
        select
            counted.*,
            sections.name_en as name,
            organisations / sum(organisations) over (partition by region)
            / (sum(organisations) over (partition by section) / sum(organisations) over ()) as quotient
        from counted
        inner join reference.industries as sections on sections.code = section and sections.level = 1
        order by section, region
        """
    )
    return quotients, regions


@app.cell
def _(quotients, regions, section):
    _map = gallery.map_of_regions(regions, "organisations", f"Active organisations, {section.selected_key or 'all'}")
    _quotients = (
        alt.Chart(quotients, title="Location quotient: section against region")
        .mark_rect()
        .encode(
            alt.X("region:N", title=None, axis=alt.Axis(labelAngle=-60)),
            alt.Y("name:N", sort=alt.SortField("section"), title=None, axis=alt.Axis(labelLimit=210)),
            alt.Color(
                "quotient:Q",
                title=None,
                scale=alt.Scale(type="log", scheme="blueorange", domain=[0.25, 1, 4], clamp=True),
                legend=alt.Legend(format=".2~f"),
            ),
            tooltip=["name", "region", "organisations", alt.Tooltip("quotient:Q", format=".2f")],
        )
        .properties(width=alt.Step(17), height=alt.Step(15))
    )
    chart = alt.hconcat(_map, _quotients).resolve_scale(color="independent")
    chart
    return (chart,)


if __name__ == "__main__":
    app.run()
