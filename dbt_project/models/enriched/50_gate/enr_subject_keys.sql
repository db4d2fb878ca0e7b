{{ config(materialized='table') }}

-- Every subject key that the lake holds and whose it is: of persons, and (person_id null) of organisations. `holders` is how many persons
-- share it.
with persons_of_mentions as (

    select
        mentions.mention_id,
        mentions.business_id,
        persons.person_id
    from {{ ref('enr_person_mentions') }} as mentions
    inner join {{ ref('enr_person_of_mention') }} as persons on mentions.mention_id = persons.mention_id

),

held as (

    select
        persons_of_mentions.person_id,
        persons_of_mentions.business_id,
        keys.kind,
        keys.key
    from {{ ref('enr_mention_keys') }} as keys
    inner join persons_of_mentions on keys.mention_id = persons_of_mentions.mention_id

    union
    {% for channel in ['email', 'phone'] %}
    -- As told by now, or as somebody has corrected it.
    select
        makers.person_id,
        makers.business_id,
        keys.kind,
        keys.key
    from {{ ref('decision_makers') }} as makers
    inner join {{ ref('enr_value_keys') }} as keys on makers.{{ channel }} = keys.value and keys.kind = '{{ channel }}'

    union
    {% endfor %}
    select
        null::varchar as person_id,
        points.business_id,
        keys.kind,
        keys.key
    from {{ ref('contact_points') }} as points
    inner join {{ ref('enr_value_keys') }} as keys on points.value = keys.value
    where points.owner = 'organisation' and keys.kind <> 'domain'

    union

    select
        null::varchar as person_id,
        business_id,
        kind,
        key
    from {{ ref('enr_organisation_keys') }}

),

shared as (

    select
        key,
        count(distinct person_id) as holders
    from held
    group by key

)

select
    held.person_id,
    held.business_id,
    held.kind,
    held.key,
    shared.holders
from held
inner join shared on held.key = shared.key
