{{ config(materialized='table') }}

-- The rates as they would be estimated without the last wave, which is kept to test them (calibration).
{{ fitted_decay_rates(
    "to_day <= (select today - interval '" ~ var('held_out_days') ~ " days' from " ~ ref('enr_today') ~ ")"
) }}
