-- depends_on: {{ ref('enr_affected_organisations') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='business_id',
        post_hook="
            update {{ this }} set age_years = date_sub('year', registered_on, (select max(valid_from) from {{ ref('organisation_history') }}))
            where age_years is distinct from date_sub('year', registered_on, (select max(valid_from) from {{ ref('organisation_history') }}))
        ",
    )
}}

with current_rows as (

    select * from {{ ref('organisation_history') }}
    where
        valid_to is null
        {%- if is_incremental() %}
        and business_id in (select business_id from {{ ref('enr_affected_organisations') }})
        {%- endif %}

)

select
    {{ organisation_columns('current_rows') }},
    current_rows.first_seen_on,
    current_rows.valid_from as last_changed_on,
    -- Whole years on the last day landed; brought up to date for every row after each build.
    null::bigint as age_years
from current_rows
{{ organisation_joins('current_rows', ref('legal_forms'), ref('industries'), ref('municipalities')) }}
