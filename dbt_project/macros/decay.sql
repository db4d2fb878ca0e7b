{#- Decay rates per channel and cell (staff band, industry section, area) from intervals (enr_decay_intervals and moves of
    organisations), days as the unit of time. Constant hazard; what failed did so somewhere between two looks, so its time at risk
    is the mean of a truncated exponential, found by iterating (EM, five rounds at the level of the channel). Shrunk twice: the
    channel towards decay_seeds with its weight, each cell towards its channel with var decay_cell_weight events.
    `points`: relation with the days (estimated_on) by which they are estimated, each from what had been seen by then. -#}
{% macro fitted_decay_rates(points) -%}
{%- set rounds = 5 -%}
{%- set at_risk = "if(is_failed and not is_exact, 1 / rate - days / (exp(least(rate * days, 700)) - 1), days)" -%}
with looks as (

    select
        channel,
        coalesce(staff_band, 'unknown') as staff_band,
        coalesce(industry_section, 'unknown') as industry_section,
        coalesce(area_code, 'all') as area_code,
        to_day,
        (to_day - from_day)::double as days,
        is_failed,
        count(*)::double as times
    from {{ ref('enr_decay_intervals') }}
    where not has_signal
    group by all

),

stays as (

    select
        points.estimated_on,
        coalesce(moves.staff_band, 'unknown') as staff_band,
        coalesce(moves.industry_section, 'unknown') as industry_section,
        sum(moves.times * (least(moves.to_day, points.estimated_on) - moves.from_day))::double as days,
        sum(moves.moved_in)::double as moved_in
    from {{ ref('enr_organisation_moves') }} as moves
    inner join {{ points }} as points on moves.from_day <= points.estimated_on
    group by all

),

observed as (

    select
        points.estimated_on,
        looks.channel,
        looks.staff_band,
        looks.industry_section,
        looks.area_code,
        looks.days,
        looks.is_failed,
        false as is_exact,
        sum(looks.times) as times
    from looks
    inner join {{ points }} as points on looks.to_day <= points.estimated_on
    group by all

    union all by name

    select
        estimated_on,
        'post' as channel,
        staff_band,
        industry_section,
        'all' as area_code,
        days,
        false as is_failed,
        true as is_exact,
        1.0::double as times
    from stays
    where days > 0

    union all by name

    select
        estimated_on,
        'post' as channel,
        staff_band,
        industry_section,
        'all' as area_code,
        0.0::double as days,
        true as is_failed,
        true as is_exact,
        moved_in as times
    from stays
    where moved_in > 0

),

assumed as (

    select
        points.estimated_on,
        seeds.code as channel,
        seeds.yearly_rate / 365.25 as rate,
        seeds.weight
    from {{ ref('decay_seeds') }} as seeds
    cross join {{ points }} as points
    where seeds.kind = 'channel'

),

rate_0 as (

    select
        estimated_on,
        channel,
        rate
    from assumed

),
{% for round in range(1, rounds + 1) %}
rate_{{ round }} as (

    select
        assumed.estimated_on,
        assumed.channel,
        (coalesce(sum(told.events), 0) + any_value(assumed.weight))
        / (coalesce(sum(told.at_risk), 0) + any_value(assumed.weight / assumed.rate)) as rate,
        coalesce(sum(told.events), 0) as events,
        coalesce(sum(told.at_risk), 0) as exposure_days
    from assumed
    left join (
        select
            observed.estimated_on,
            observed.channel,
            if(is_failed, times, 0) as events,
            times * {{ at_risk }} as at_risk
        from observed
        inner join rate_{{ round - 1 }} as before
            on observed.estimated_on = before.estimated_on and observed.channel = before.channel
    ) as told on assumed.estimated_on = told.estimated_on and assumed.channel = told.channel
    group by assumed.estimated_on, assumed.channel

),
{% endfor %}
cells as (

    select
        observed.estimated_on,
        observed.channel,
        observed.staff_band,
        observed.industry_section,
        observed.area_code,
        sum(if(is_failed, times, 0)) as events,
        sum(times * {{ at_risk }}) as exposure_days,
        any_value(whole.rate) as whole_rate
    from observed
    inner join rate_{{ rounds }} as whole
        on observed.estimated_on = whole.estimated_on and observed.channel = whole.channel
    group by observed.estimated_on, observed.channel, observed.staff_band, observed.industry_section, observed.area_code

)

select
    estimated_on,
    channel,
    '*' as staff_band,
    '*' as industry_section,
    '*' as area_code,
    events,
    exposure_days,
    rate * 365.25 as yearly_rate
from rate_{{ rounds }}

union all by name

select
    estimated_on,
    channel,
    staff_band,
    industry_section,
    area_code,
    events,
    exposure_days,
    (events + {{ var('decay_cell_weight') }}) / (exposure_days + {{ var('decay_cell_weight') }} / whole_rate) * 365.25 as yearly_rate
from cells
{%- endmacro %}

{#- Chance that something verified so many days ago still holds, by the rate of its cell (else of its channel). To six places: the last
    bits of a sum depend on the order in which threads add. -#}
{% macro still_holds(rate, days) -%}
    round(exp(-{{ rate }} / 365.25 * greatest({{ days }}, 0)), 6)
{%- endmacro %}

{#- The rates of a cell: joins `cell` and `whole` for an expression of the channel and the aliases of the attributes. -#}
{% macro decay_rate_joins(rates, channel, staff_band, industry_section, area_code) -%}
left join {{ rates }} as cell
    on cell.channel = {{ channel }}
    and cell.staff_band = coalesce({{ staff_band }}, 'unknown')
    and cell.industry_section = coalesce({{ industry_section }}, 'unknown')
    and cell.area_code = coalesce({{ area_code }}, 'all')
inner join {{ rates }} as whole
    on whole.channel = {{ channel }}
    and whole.staff_band = '*' and whole.industry_section = '*' and whole.area_code = '*'
{%- endmacro %}

{#- `select * from decay_rates_as_of(date '2026-01-31')`: the rates as they were estimated on that day. -#}
{% macro create_decay_rates_as_of() -%}
create or replace macro {{ this.schema }}.decay_rates_as_of(as_of_date) as table
select history.*
from {{ this.schema }}.decay_rate_history as history
where history.valid_from <= as_of_date and (history.valid_to is null or history.valid_to > as_of_date)
{%- endmacro %}
