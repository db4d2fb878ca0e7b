{{ config(materialized='table', tags=['gates']) }}

-- Keys of whom an objection has hit that the ledger does not have yet: they are written there after the build, so that the objection
-- outlives the data (erased, told anew, told otherwise). Names in all their spellings, as for any objector.
with told as (

    select distinct
        hit.objection_id,
        mentions.mention_id,
        mentions.business_id,
        mentions.birth_date,
        if(mentions.email_kind = 'personal', split_part({{ normal_email_key('mentions.email') }}, '@', 2), null) as domain,
        unnest(mentions.names) as told_name
    from {{ ref('enr_objected_persons') }} as hit
    inner join {{ ref('enr_person_of_mention') }} as persons on hit.person_id = persons.person_id
    inner join {{ ref('enr_person_mentions') }} as mentions on persons.mention_id = mentions.mention_id

),

spellings as (

    {{ name_spellings('told') }}

),

name_keys as (

    select
        spelling,
        unnest(promised_name_keys(spelling)) as name_key
    from (select distinct spelling from spellings) as distinct_spellings

),

named as (

    select distinct
        told.objection_id,
        told.business_id,
        told.birth_date,
        told.domain,
        name_keys.name_key
    from told
    inner join spellings on told.mention_id = spellings.mention_id
    inner join name_keys on spellings.spelling = name_keys.spelling

),

keys as (

    {{ keys_of_names('named', 'objection_id') }}

),

found as (

    select
        objection_id,
        kind,
        key
    from keys
    where key is not null

    union

    select
        hit.objection_id,
        held.kind,
        held.key
    from {{ ref('enr_objected_persons') }} as hit
    inner join {{ ref('enr_subject_keys') }} as held on hit.person_id = held.person_id
    where held.kind in {{ identifying_kinds() }}

    union

    select
        objection_id,
        'person' as kind,
        person_id as key
    from {{ ref('enr_objected_persons') }}

),

shared as (

    select distinct key
    from {{ ref('enr_subject_keys') }}
    where holders > {{ most_holders() }} and kind <> 'name'

)

select
    found.objection_id,
    found.kind,
    found.key
from found
anti join {{ ref('stg_ledger__objection_keys') }} as known
    on found.objection_id = known.objection_id and found.key = known.key
-- What many share says of nobody who they are, however long it is kept.
anti join shared on found.key = shared.key
