-- depends_on: {{ ref('enr_affected_organisations') }}
{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key=['entity_type', 'entity_id']) }}

-- Every change of every day, as a customer's register wants to hear it. Today of organisations.
with history as (

    select
        business_id,
        valid_from,
        status,
        changed_fields,
        load_id,
        lag(status) over (partition by business_id order by valid_from) as previous_status
    from {{ ref('organisation_history') }}
    {%- if is_incremental() %}
    where business_id in (select business_id from {{ ref('enr_affected_organisations') }})
    {%- endif %}

)

select
    valid_from as date,
    'organisation' as entity_type,
    business_id as entity_id,
    case
        when previous_status is null then 'LISAYS'
        when status = 'ceased' and previous_status <> 'ceased' then 'POISTO'
        when status <> 'ceased' and previous_status = 'ceased' then 'LISAYS'
        else 'MUUTOS'
    end as op,
    changed_fields,
    load_id
from history
