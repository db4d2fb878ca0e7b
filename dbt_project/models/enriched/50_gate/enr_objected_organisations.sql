{{ config(materialized='table', tags=['gates']) }}

-- Organisations that an objection speaks of: as a whole (covers_persons), or because a person who objects is the organisation or stands
-- in its name; then the organisation's own contacts are meant, not its other people. Keys of two kinds never meet: no join asks for it.
with keys as (

    select
        told.objection_id,
        told.kind,
        told.key
    from {{ ref('stg_ledger__objection_keys') }} as told
    inner join {{ ref('enr_objections') }} as objections on told.objection_id = objections.objection_id
    where objections.scope = 'person' and told.kind = 'name_org'

    union

    select
        hit.objection_id,
        held.kind,
        held.key
    from {{ ref('enr_objected_persons') }} as hit
    inner join {{ ref('enr_subject_keys') }} as held on hit.person_id = held.person_id
    where held.kind = 'name_org' and held.holders <= {{ most_holders() }}

)

select
    keys.objection_id,
    held.business_id,
    'name_org' as key_kind,
    false as covers_persons
from keys
inner join {{ ref('enr_subject_keys') }} as held on keys.key = held.key
where held.person_id is null

union

select
    hit.objection_id,
    roles.business_id,
    'person' as key_kind,
    false as covers_persons
from {{ ref('enr_objected_persons') }} as hit
inner join {{ ref('responsible_persons') }} as roles on hit.person_id = roles.person_id
where roles.role_code = 'SOLE_TRADER'

union

select
    told.objection_id,
    own.business_id,
    'organisation' as key_kind,
    true as covers_persons
from {{ ref('stg_ledger__objection_keys') }} as told
inner join {{ ref('enr_objections') }} as objections on told.objection_id = objections.objection_id
inner join {{ ref('enr_organisation_keys') }} as own on told.key = own.key
where objections.scope = 'organisation' and told.kind = 'organisation'
