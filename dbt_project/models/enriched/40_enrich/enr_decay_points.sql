-- The days by which decay rates are estimated: each first of a month since the first look, and the last day landed.
with months as (

    select unnest(generate_series(date_trunc('month', min(from_day))::date, max(to_day), interval '1 month'))::date as estimated_on
    from {{ ref('enr_decay_intervals') }}

)

select months.estimated_on
from months
cross join {{ ref('enr_today') }} as now
where months.estimated_on < now.today

union all

select today as estimated_on
from {{ ref('enr_today') }}
