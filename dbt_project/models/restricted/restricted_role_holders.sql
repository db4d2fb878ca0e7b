-- Holders of roles that are no decision makers and never marketing targets, and of codes that no list knows. They live in a schema
-- of their own, so that no filter has to be remembered; no mart may read it (a test looks).
with last_full_load as (

    select max(as_of) as as_of
    from {{ ref('stg_lake__manifests') }}
    where source_name = 'prh_officers' and dataset_name = 'officers' and verdict = 'accepted' and mode = 'full'

)

select
    held.role_id,
    persons.person_id,
    held.business_id,
    held.is_firm,
    held.first_names as first_name,
    held.last_name,
    held.role_code,
    {{ role_names() }},
    held.organ_code,
    held.role_code_told,
    held.started_on,
    held.ended_on,
    held.first_seen_on,
    greatest(held.valid_from, last_full_load.as_of) as last_seen_on,
    'prh_officers' as source_name,
    held.load_id
from {{ ref('enr_registered_roles') }} as held
left join {{ ref('enr_person_of_mention') }} as persons on held.mention_id = persons.mention_id
{{ role_name_joins() }}
cross join last_full_load
where held.valid_to is null and (held.schema_name = 'restricted' or held.is_firm)
