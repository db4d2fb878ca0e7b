"""What objections cost, and where: counts only, none below five."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="What objections cost")

with app.setup:
    import altair as alt
    import marimo as mo

    from orchestration import gallery

    gallery.look()


@app.cell
def _():
    mo.md(f"""
    # What do objections cost, and where?

    Contacts that fall at the gates where somebody said no, and what share that is of what would otherwise be left. Counts only,
    and none below {gallery.FEWEST}. What customers' own objectors cost them stands in the schema `restricted`, so this one
    reads **`registry.duckdb`**, which few may open.
    """)
    return


@app.cell
def _():
    ask = gallery.connect("registry")
    return (ask,)


@app.cell
def _(ask):
    NO = "gate like 'OBJECTION%' or gate in ('EXTERNAL_LIST', 'REVIEW')"
    told = f"if(lost >= {gallery.FEWEST}, lost, null)"
    gates = ask(
        f"""
        with counted as (
            select channel, gate, count(*) as lost,
                (select count(*) from marketing_contacts as r where r.channel = a.channel) as left_
            from gate_audit as a
            where {NO}
            group by all
        )
        select channel, name_en as gate, rank, {told} as contacts, {told} / (lost + left_) as share
        from counted
        inner join reference.gates as gates using (gate)
        """
    )
    sections = ask(
        f"""
        with contacts as (
            select business_id, {NO} as is_no from gate_audit where {NO}
            union all
            select business_id, false from marketing_contacts
        ),
        counted as (
            select industry_section as section, count_if(is_no) as lost, count(*) as would_be
            from contacts
            inner join organisations using (business_id)
            where industry_section is not null
            group by all
        )
        select section, names.name_en as name, {told} as contacts, {told} / would_be as share
        from counted
        inner join reference.industries as names on names.code = section and names.level = 1
        """
    )
    recipients = ask(
        f"""
        with counted as (select channel, count(*) as lost from restricted.recipient_objections group by all)
        select channel, {told} as contacts from counted order by channel
        """
    )
    return gates, recipients, sections


@app.cell
def _(gates, sections):
    _gates = (
        alt.Chart(gates, title="Lost by gate and channel (contacts, share)")
        .mark_bar(color=gallery.SECOND)
        .encode(
            alt.X("contacts:Q"),
            alt.Y("channel:N", title=None),
            alt.Row("gate:N", sort=alt.SortField("rank"), title=None, header=alt.Header(labelAngle=0, labelAlign="left")),
            tooltip=["gate", "channel", "contacts", alt.Tooltip("share:Q", format=".2%")],
        )
        .properties(width=190, height=alt.Step(15))
    )
    _sections = (
        alt.Chart(sections.drop_nulls(), title=f"Share lost by industry (where {gallery.FEWEST} or more)")
        .mark_bar(color=gallery.COLOUR)
        .encode(
            alt.X("share:Q", title=None, axis=alt.Axis(format=".1%")),
            alt.Y("name:N", sort="-x", title=None, axis=alt.Axis(labelLimit=240)),
            tooltip=["name", "contacts", alt.Tooltip("share:Q", format=".2%")],
        )
        .properties(width=220, height=alt.Step(18))
    )
    chart = alt.hconcat(_gates, _sections)
    chart
    return (chart,)


@app.cell
def _(recipients):
    mo.vstack(
        [mo.md("Objections to one recipient only (what all others still may use):"), mo.ui.table(recipients, selection=None)]
    )
    return


if __name__ == "__main__":
    app.run()
