{{ config(post_hook="{{ create_decay_rates_as_of() }}") }}

-- The rates as they were estimated at the beginning of each month, and now.
with rates as (

    {{ fitted_decay_rates(ref('enr_decay_points')) | indent(4) }}

),

spans as (

    select
        estimated_on,
        lead(estimated_on) over (order by estimated_on) as next_on
    from {{ ref('enr_decay_points') }}

)

select
    rates.* exclude (estimated_on),
    spans.estimated_on as valid_from,
    spans.next_on as valid_to
from rates
inner join spans on rates.estimated_on = spans.estimated_on
