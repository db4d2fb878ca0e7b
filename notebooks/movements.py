"""Movements by month: managing directors who come and go, organisations that begin and end."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Movements by month")

with app.setup:
    import altair as alt
    import marimo as mo

    from orchestration import gallery

    gallery.look()


@app.cell
def _():
    mo.md("""
    # Who came and who went, month by month?

    Managing directors who took office or left it, and organisations registered or ended. A new managing director is the best
    moment to ask a firm again; an end is the last one to stop writing. Reads `analyst.duckdb`.
    """)
    return


@app.cell
def _():
    ask = gallery.connect("analyst")
    return (ask,)


@app.cell
def _():
    years = mo.ui.slider(1, 10, value=3, label="Years back")
    years
    return (years,)


@app.cell
def _(ask, years):
    movements = ask(
        f"""
        with events as (
            select 'managing directors' as what, 'come' as way, started_on as on_day
            from responsible_persons where role_code = 'MD'
            union all
            select 'managing directors', 'gone', ended_on from responsible_persons where role_code = 'MD'
            union all
            select 'organisations', 'come', registered_on from organisations
            union all
            select 'organisations', 'gone', ended_on from organisations
        )
        select what, way, date_trunc('month', on_day)::date as month, sum(if(way = 'come', 1, -1))::integer as moved
        from events
        where on_day <= {gallery.today(ask)} and on_day >= date_trunc('month', {gallery.today(ask)}) - to_years($1::integer)
        group by all
        order by all
        """,
        [years.value],
    )
    return (movements,)


@app.cell
def _(movements):
    chart = (
        alt.Chart(movements)
        .mark_bar()
        .encode(
            alt.X("yearmonth(month):T", title=None),
            alt.Y("moved:Q", title=None),
            alt.Color("way:N", title=None, scale=alt.Scale(domain=["come", "gone"])),
            tooltip=["what", "way", alt.Tooltip("yearmonth(month):T", title="month"), "moved"],
        )
        .properties(width=620, height=150)
        .facet(row=alt.Row("what:N", title=None, header=alt.Header(labelFontWeight="bold", labelAngle=0, labelAlign="left")))
        .resolve_scale(y="independent")
        .properties(title="Come (above) and gone (below) in a month")
    )
    chart
    return (chart,)


if __name__ == "__main__":
    app.run()
