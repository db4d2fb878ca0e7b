"""Coverage: of how many firms with more than nine staff somebody has told us within a year."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Coverage of larger firms")

with app.setup:
    import altair as alt
    import marimo as mo

    from orchestration import gallery

    gallery.look()


@app.cell
def _():
    mo.md("""
    # Of how many firms with more than nine staff has somebody told us within a year?

    Each is to be asked at least once a year. Covered: an active target whose decision maker was told to us by the firm or by
    the person within the last 365 days; the register alone does not count. Reads `analyst.duckdb`.
    """)
    return


@app.cell
def _():
    ask = gallery.connect("analyst")
    return (ask,)


@app.cell
def _(ask):
    _firms = f"""
        with firms as (
            select business_id, region_code, region_name_en as region_name, staff_band, bands.ord,
                exists (
                    from decision_makers
                    where decision_makers.business_id = organisations.business_id and verifier in ('person', 'organisation')
                        and verified_on > {gallery.today(ask)} - 365
                ) as is_covered
            from organisations
            inner join reference.staff_bands as bands on bands.band_code = staff_band
            where bands.is_surveyed and is_marketing_target
        )
    """
    bands = ask(f"""{_firms}
        select staff_band, ord, if(is_covered, 'covered', 'not yet') as state, count(*) as firms
        from firms group by all order by ord""")
    regions = ask(f"""{_firms}
        select region_code, region_name, count_if(is_covered) / count(*) as covered
        from firms where region_code is not null group by all""")
    areas = ask(f"""{_firms}
        select area_name_en as area, count(distinct business_id) / (select count(*) from firms) as share
        from decision_makers
        inner join firms using (business_id)
        where verifier in ('person', 'organisation') and verified_on > {gallery.today(ask)} - 365
        group by all""")
    return areas, bands, regions


@app.cell
def _(areas, bands, regions):
    _bands = (
        alt.Chart(bands, title="Firms by staff")
        .mark_bar()
        .encode(
            alt.X("firms:Q", title=None),
            alt.Y("staff_band:N", sort=bands["staff_band"].unique(maintain_order=True).to_list(), title=None),
            alt.Color("state:N", title=None, scale=alt.Scale(domain=["covered", "not yet"])),
            alt.Order("state:N"),
            tooltip=["staff_band", "state", "firms"],
        )
        .properties(width=240, height=alt.Step(18))
    )
    _areas = (
        alt.Chart(areas, title="Share of them of which we know who decides on ...")
        .mark_bar(color=gallery.COLOUR)
        .encode(
            alt.X("share:Q", title=None, axis=alt.Axis(format="%")),
            alt.Y("area:N", sort="-x", title=None, axis=alt.Axis(labelLimit=240)),
        )
        .properties(width=240, height=alt.Step(14))
    )
    _map = gallery.map_of_regions(regions, "covered", "Share covered", ".0%")
    chart = alt.hconcat(_map, alt.vconcat(_bands, _areas)).resolve_scale(color="independent")
    chart
    return (chart,)


if __name__ == "__main__":
    app.run()
