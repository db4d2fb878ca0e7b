{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail', tags=['gates']) }}

-- Subject keys of postal addresses. Taking an address apart is slow (Python), and hardly anybody forbids post to an address: nothing is
-- made until somebody has.
with asked as (

    select count(*) as objections
    from {{ ref('enr_objections') }}
    where scope = 'address'

),

told as (

    select distinct
        candidates.street,
        candidates.postcode
    from {{ ref('enr_gate_candidates') }} as candidates
    cross join asked
    where candidates.street is not null and asked.objections > 0

),

fresh as (

    select
        told.street,
        told.postcode
    from told
    {%- if is_incremental() %}
    anti join {{ this }} as known on told.street = known.street and told.postcode = known.postcode
    {%- endif %}

)

select
    street,
    postcode,
    {{ subject_key_address('address_key(street)', 'postcode') }} as key
from fresh
