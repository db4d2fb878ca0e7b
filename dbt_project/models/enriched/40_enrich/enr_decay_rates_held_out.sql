{{ config(materialized='table') }}

-- The rates as they would be estimated without the last wave, which is kept to test them (calibration).
with points as (

    select (today - interval '{{ var("held_out_days") }} days')::date as estimated_on
    from {{ ref('enr_today') }}

),

rates as (

    {{ fitted_decay_rates('points') | indent(4) }}

)

select * exclude (estimated_on) from rates
