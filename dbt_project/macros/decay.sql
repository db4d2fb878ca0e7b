{#- Decay rates per channel and cell (staff band, industry section, area) from intervals (enr_decay_intervals and moves of
    organisations), days as the unit of time. Constant hazard; what failed did so somewhere between two looks, so its time at risk
    is the mean of a truncated exponential, found by iterating (EM, five rounds at the level of the channel). Shrunk twice: the
    channel towards decay_seeds with its weight, each cell towards its channel with var decay_cell_weight events.
    `condition`: which intervals count. -#}
{% macro fitted_decay_rates(condition='true') -%}
{%- set rounds = 5 -%}
{%- set at_risk = "if(is_failed and not is_exact, 1 / rate - days / (exp(least(rate * days, 700)) - 1), days)" -%}
with observed as (

    select
        channel,
        coalesce(staff_band, 'unknown') as staff_band,
        coalesce(industry_section, 'unknown') as industry_section,
        coalesce(area_code, 'all') as area_code,
        (to_day - from_day)::double as days,
        is_failed,
        false as is_exact,
        count(*)::double as times
    from {{ ref('enr_decay_intervals') }}
    where not has_signal and {{ condition }}
    group by all

    union all by name

    select
        'post' as channel,
        coalesce(staff_band, 'unknown') as staff_band,
        coalesce(industry_section, 'unknown') as industry_section,
        'all' as area_code,
        days,
        is_failed,
        true as is_exact,
        times
    from {{ ref('enr_organisation_moves') }}

),

assumed as (

    select
        code as channel,
        yearly_rate / 365.25 as rate,
        weight
    from {{ ref('decay_seeds') }}
    where kind = 'channel'

),

rate_0 as (

    select
        channel,
        rate
    from assumed

),
{% for round in range(1, rounds + 1) %}
rate_{{ round }} as (

    select
        assumed.channel,
        (coalesce(sum(told.events), 0) + any_value(assumed.weight))
        / (coalesce(sum(told.at_risk), 0) + any_value(assumed.weight / assumed.rate)) as rate,
        coalesce(sum(told.events), 0) as events,
        coalesce(sum(told.at_risk), 0) as exposure_days
    from assumed
    left join (
        select
            observed.channel,
            if(is_failed, times, 0) as events,
            times * {{ at_risk }} as at_risk
        from observed
        inner join rate_{{ round - 1 }} as before on observed.channel = before.channel
    ) as told on assumed.channel = told.channel
    group by assumed.channel

),
{% endfor %}
cells as (

    select
        observed.channel,
        observed.staff_band,
        observed.industry_section,
        observed.area_code,
        sum(if(is_failed, times, 0)) as events,
        sum(times * {{ at_risk }}) as exposure_days,
        any_value(whole.rate) as whole_rate
    from observed
    inner join rate_{{ rounds }} as whole on observed.channel = whole.channel
    group by observed.channel, observed.staff_band, observed.industry_section, observed.area_code

)

select
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
