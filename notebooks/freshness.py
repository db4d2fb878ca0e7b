"""How fresh what we know of decision makers is, by area and verifier, and whether our probabilities are right."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Freshness of decision makers")

with app.setup:
    import altair as alt
    import marimo as mo

    from orchestration import gallery

    gallery.look()


@app.cell
def _():
    mo.md("""
    # How fresh is what we know of decision makers?

    By area of responsibility and by who told us; how fast it goes out of date; and whether the probabilities we give are right:
    of those we said 90 % of, nine in ten should still be there. Reads `analyst.duckdb`.
    """)
    return


@app.cell
def _():
    ask = gallery.connect("analyst")
    return (ask,)


@app.cell
def _(ask):
    areas = ask(
        """
        select area_name_en as area, verifier, count(*) as people, avg(p_current) as p_current
        from decision_makers
        group by all
        having count(*) >= $1
        """,
        [gallery.FEWEST],
    )
    decay = ask(
        """
        with rates as (select channel, avg(yearly_rate) as yearly_rate from decay_rates group by all)
        select channel, months, exp(-yearly_rate * months / 12) as p_current
        from rates, (select unnest(range(61)) as months)
        order by channel, months
        """
    )
    calibration = ask("select channel, looked_at, predicted, observed from calibration order by channel, predicted")
    return areas, calibration, decay


@app.cell
def _(areas, calibration, decay):
    _areas = (
        alt.Chart(areas, title="Chance that somebody is still there, mean")
        .mark_rect()
        .encode(
            alt.X("verifier:N", title="told by", axis=alt.Axis(labelAngle=0)),
            alt.Y("area:N", title=None, axis=alt.Axis(labelLimit=260)),
            alt.Color("p_current:Q", scale=alt.Scale(scheme="teals", domain=[0.7, 1], clamp=True), legend=None),
            tooltip=["area", "verifier", "people", alt.Tooltip("p_current:Q", format=".3f")],
        )
    )
    _figures = _areas.mark_text(fontSize=10).encode(
        alt.Text("p_current:Q", format=".2f"),
        color=alt.condition("datum.p_current > 0.85", alt.value("white"), alt.value("#222")),
    )
    _decay = (
        alt.Chart(decay, title="What is left of it if nobody asks again")
        .mark_line()
        .encode(
            alt.X("months:Q"),
            alt.Y("p_current:Q", title=None, axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            alt.Color("channel:N", title=None),
        )
        .properties(width=260, height=150)
    )
    _axis = alt.Scale(domain=[0.5, 1], clamp=True)
    _right = (
        alt.Chart(alt.Data(values=[{"p": 0.5}, {"p": 1}]))
        .mark_line(strokeDash=[4, 4], color="#888")
        .encode(alt.X("p:Q", scale=_axis), alt.Y("p:Q", scale=_axis))
    )
    _found = (
        alt.Chart(calibration, title="Were we right? Said, and found by the last wave")
        .mark_circle(opacity=0.8)
        .encode(
            alt.X("predicted:Q", scale=_axis, title="said", axis=alt.Axis(format="%")),
            alt.Y("observed:Q", scale=_axis, title="found", axis=alt.Axis(format="%")),
            alt.Size("looked_at:Q", legend=None),
            alt.Color("channel:N"),
            tooltip=["channel", "looked_at", "predicted", "observed"],
        )
    )
    chart = alt.hconcat(
        (_areas + _figures).properties(width=210, height=alt.Step(22)),
        alt.vconcat(_decay, (_right + _found).properties(width=260, height=150)),
    )
    chart
    return (chart,)


if __name__ == "__main__":
    app.run()
