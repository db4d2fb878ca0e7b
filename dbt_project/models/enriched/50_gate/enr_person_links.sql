{{ config(materialized='table') }}

-- Persons who share a key that identifies: whoever objects as the one objects as the other too. Both ways.
with shared as (

    select distinct
        person_id,
        key
    from {{ ref('enr_subject_keys') }}
    where kind in {{ identifying_kinds() }} and holders between 2 and {{ most_holders() }}

)

select distinct
    shared.person_id,
    others.person_id as other_person_id
from shared
inner join shared as others on shared.key = others.key
where shared.person_id <> others.person_id
