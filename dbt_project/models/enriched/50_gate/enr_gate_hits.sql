{{ config(materialized='table', tags=['gates']) }}

-- Which objection hits which candidate, by what key. What is not here has not been hit: the gates ask for more than that.
-- Keys of two kinds never meet, so none of the joins asks for the kind.
with shared as (

    select distinct key
    from {{ ref('enr_subject_keys') }}
    where holders > {{ most_holders() }}

),

told as (

    select
        objections.objection_id,
        objections.scope,
        keys.kind,
        keys.key,
        shared.key is not null as is_shared
    from {{ ref('enr_objections') }} as objections
    inner join {{ ref('stg_ledger__objection_keys') }} as keys on objections.objection_id = keys.objection_id
    left join shared on keys.key = shared.key

),

-- A mailbox of whom it hits may stand as the organisation's.
found as (

    select distinct
        persons.objection_id,
        held.kind,
        held.key
    from {{ ref('enr_objected_persons') }} as persons
    inner join {{ ref('enr_subject_keys') }} as held on persons.person_id = held.person_id
    where held.holders <= {{ most_holders() }}

),

-- Values that an objection speaks of, whoever tells them. A number of many says nothing of one, unless it is all that was said.
objected_values as (

    select
        told.objection_id,
        told.kind,
        told.key
    from told
    left join {{ ref('enr_objected_persons') }} as persons on told.objection_id = persons.objection_id
    where not told.is_shared or persons.objection_id is null

    union

    select
        objection_id,
        kind,
        key
    from found

),

hits as (

    select
        candidates.candidate_id,
        persons.objection_id,
        persons.key_kind
    from {{ ref('enr_gate_candidates') }} as candidates
    inner join {{ ref('enr_objected_persons') }} as persons on candidates.person_id = persons.person_id

    union all

    select
        candidates.candidate_id,
        objected_values.objection_id,
        objected_values.kind as key_kind
    from {{ ref('enr_gate_candidates') }} as candidates
    inner join objected_values on candidates.value_key = objected_values.key

    union all

    select
        candidates.candidate_id,
        organisations.objection_id,
        organisations.key_kind
    from {{ ref('enr_gate_candidates') }} as candidates
    inner join {{ ref('enr_objected_organisations') }} as organisations on candidates.business_id = organisations.business_id
    where candidates.person_id is null or organisations.covers_persons

    union all

    select
        candidates.candidate_id,
        told.objection_id,
        told.kind as key_kind
    from {{ ref('enr_gate_candidates') }} as candidates
    inner join {{ ref('enr_value_keys') }} as domains on candidates.value = domains.value and domains.kind = 'domain'
    inner join told on domains.key = told.key
    -- A person's objection may know where they work, and does not speak of it.
    where told.scope = 'domain'

    union all

    select
        candidates.candidate_id,
        told.objection_id,
        told.kind as key_kind
    from {{ ref('enr_gate_candidates') }} as candidates
    inner join {{ ref('enr_address_keys') }} as addresses on candidates.street = addresses.street and candidates.postcode = addresses.postcode
    inner join told on addresses.key = told.key
    where told.scope = 'address'

)

select
    hits.candidate_id,
    hits.objection_id,
    objections.recipient_id,
    objections.is_standing,
    objections.gate,
    min(hits.key_kind) as key_kind
from hits
inner join {{ ref('enr_objections') }} as objections on hits.objection_id = objections.objection_id
inner join {{ ref('enr_gate_candidates') }} as candidates on hits.candidate_id = candidates.candidate_id
where
    -- Safety and erasure know no channel.
    objections.kind <> 'objection' or objections.channel is null or candidates.channel = objections.channel
group by hits.candidate_id, hits.objection_id, objections.recipient_id, objections.is_standing, objections.gate
