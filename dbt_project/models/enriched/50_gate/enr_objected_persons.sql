{{ config(materialized='table', tags=['gates']) }}

-- Whom each objection of a person hits: whoever has one of its keys, whom somebody has recognised, and whoever shares an identifying key
-- with one of these. A key of many (a switchboard) hits nobody by itself. Keys of two kinds never meet, so no join asks for the kind.
with recursive hit as (

    select
        keys.objection_id,
        held.person_id
    from {{ ref('stg_ledger__objection_keys') }} as keys
    inner join {{ ref('enr_objections') }} as objections on keys.objection_id = objections.objection_id
    inner join {{ ref('enr_subject_keys') }} as held on keys.key = held.key
    where
        objections.scope = 'person'
        and held.person_id is not null
        and held.kind in {{ identifying_kinds() }}
        and (held.kind not in ('email', 'phone') or held.holders <= {{ most_holders() }})

    union

    select
        keys.objection_id,
        keys.key as person_id
    from {{ ref('stg_ledger__objection_keys') }} as keys
    inner join {{ ref('enr_objections') }} as objections on keys.objection_id = objections.objection_id
    where objections.scope = 'person' and keys.kind = 'person'

    union

    select
        reviews.objection_id,
        reviews.person_id
    from {{ ref('stg_ledger__reviews') }} as reviews
    inner join {{ ref('enr_objections') }} as objections on reviews.objection_id = objections.objection_id
    where objections.scope = 'person' and reviews.verdict = 'same'

),

reached as (

    select
        objection_id,
        person_id
    from hit

    union

    select
        reached.objection_id,
        links.other_person_id as person_id
    from reached
    inner join {{ ref('enr_person_links') }} as links on reached.person_id = links.person_id

),

evidence as (

    select
        keys.objection_id,
        held.person_id,
        list_sort(list(distinct keys.kind)) as key_kinds
    from {{ ref('stg_ledger__objection_keys') }} as keys
    inner join {{ ref('enr_subject_keys') }} as held on keys.key = held.key
    where keys.kind <> 'name'
    group by keys.objection_id, held.person_id

)

select
    reached.objection_id,
    reached.person_id,
    case when evidence.key_kinds is not null then array_to_string(evidence.key_kinds, ' ') when hit.person_id is not null then 'person' else 'shared' end as key_kind
from reached
left join hit on reached.objection_id = hit.objection_id and reached.person_id = hit.person_id
left join evidence on reached.objection_id = evidence.objection_id and reached.person_id = evidence.person_id
