{{ config(materialized='table', tags=['gates']) }}

-- Persons who bear the name of an objector, were first told of after the objection, and of whom nothing says who they are: the objector at
-- another organisation, or somebody else. A person decides.
with objectors as (

    select
        objections.objection_id,
        objections.received_at::date as received_on,
        bool_or(keys.kind = 'name_birth') as has_birth_date,
        bool_or(keys.kind = 'registry') as has_number
    from {{ ref('enr_objections') }} as objections
    inner join {{ ref('stg_ledger__objection_keys') }} as keys on objections.objection_id = keys.objection_id
    where objections.scope = 'person' and objections.is_standing
    group by objections.objection_id, objections.received_at

),

-- Names as told, and of whom the objection has hit.
names as (

    select
        keys.objection_id,
        keys.key
    from {{ ref('stg_ledger__objection_keys') }} as keys
    where keys.kind = 'name'

    union

    select
        hit.objection_id,
        held.key
    from {{ ref('enr_objected_persons') }} as hit
    inner join {{ ref('enr_subject_keys') }} as held on hit.person_id = held.person_id
    where held.kind = 'name'

),

namesakes as (

    select distinct
        names.objection_id,
        held.person_id
    from names
    -- Only persons have keys of names alone.
    inner join {{ ref('enr_subject_keys') }} as held on names.key = held.key

),

seen as (

    select
        persons.person_id,
        min(mentions.first_seen_on) as first_seen_on,
        bool_or(mentions.birth_date is not null) as has_birth_date,
        bool_or(mentions.register_person_id is not null) as has_number
    from {{ ref('enr_person_of_mention') }} as persons
    inner join {{ ref('enr_person_mentions') }} as mentions on persons.mention_id = mentions.mention_id
    semi join namesakes on persons.person_id = namesakes.person_id
    group by persons.person_id

),

reviewed as (

    select
        objection_id,
        person_id
    from {{ ref('stg_ledger__reviews') }}

)

select
    namesakes.objection_id,
    namesakes.person_id,
    'new_namesake' as why
from namesakes
inner join objectors on namesakes.objection_id = objectors.objection_id
inner join seen on namesakes.person_id = seen.person_id
anti join {{ ref('enr_objected_persons') }} as hit on namesakes.objection_id = hit.objection_id and namesakes.person_id = hit.person_id
anti join reviewed on namesakes.objection_id = reviewed.objection_id and namesakes.person_id = reviewed.person_id
where
    -- Files come late: who is told of on a day shortly before may have become known after it.
    seen.first_seen_on >= objectors.received_on - {{ var('lookalike_days') }}
    -- Two dates of birth, two numbers of the register: two people. The same ones would have hit.
    and not (seen.has_birth_date and objectors.has_birth_date)
    and not (seen.has_number and objectors.has_number)
