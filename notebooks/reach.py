"""Who can be reached: from everybody to those who may be written to, gate by gate."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Who can be reached")

with app.setup:
    import altair as alt
    import marimo as mo

    from orchestration import gallery

    gallery.look()


@app.cell
def _():
    mo.md("""
    # Who can be reached, and where do the others fall?

    Each contact (a person or an organisation, by one channel) falls at the first gate that is closed to it; who passes all of
    them may be marketed to. Population and gates add up to the last row. Reads `analyst.duckdb`.
    """)
    return


@app.cell
def _():
    ask = gallery.connect("analyst")
    return (ask,)


@app.cell
def _():
    subject = mo.ui.dropdown(["everybody", "people", "organisations"], value="everybody", label="Of whom")
    subject
    return (subject,)


@app.cell
def _(ask, subject):
    waterfall = ask(
        """
        with verdicts as (
            select channel, gate, subject_kind from gate_audit
            union all
            select channel, 'reached', subject_kind from marketing_contacts
        ),
        counted as (
            select channel, gate, coalesce(gates.name_en, gate) as step, coalesce(gates.rank, 99) as rank, count(*) as contacts
            from verdicts
            left join reference.gates as gates using (gate)
            where $1 = 'everybody' or ($1 = 'organisations') = (subject_kind = 'legal_person_generic')
            group by all
        )
        select
            *,
            sum(contacts) over (partition by channel order by rank desc) as before,
            before - contacts as after
        from counted
        order by channel, rank
        """,
        [subject.value],
    )
    return (waterfall,)


@app.cell
def _(waterfall):
    _steps = waterfall.sort("rank")["step"].unique(maintain_order=True).to_list()
    _base = alt.Chart(waterfall).encode(alt.Y("step:N", sort=_steps, title=None, axis=alt.Axis(labelLimit=220)))
    _bars = _base.mark_bar().encode(
        alt.X("after:Q", title="contacts"),
        alt.X2("before:Q"),
        color=alt.condition("datum.gate == 'reached'", alt.value(gallery.COLOUR), alt.value(gallery.SECOND)),
        tooltip=["channel", "step", "contacts"],
    )
    _text = _base.mark_text(align="left", dx=4, fontSize=10).encode(alt.X("before:Q"), alt.Text("contacts:Q", format=",d"))
    chart = (
        alt.layer(_bars, _text)
        .properties(width=190, height=alt.Step(20))
        .facet(column=alt.Column("channel:N", title=None, header=alt.Header(labelFontWeight="bold")))
        .resolve_scale(x="independent")
        .properties(title="Contacts that fall at each gate, and those who are left")
    )
    chart
    return (chart,)


@app.cell
def _(waterfall):
    mo.ui.table(waterfall.select("channel", "step", "contacts", "before", "after"), selection=None)
    return


if __name__ == "__main__":
    app.run()
