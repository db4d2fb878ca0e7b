{{ config(materialized='table') }}

-- Places in registers as they were told over time, one row per place and state: from which load's day to which (exclusive).
-- A place that has gone from the register has no row after its last day there; what ended is told with its end.
with told as (

    select * from {{ ref('stg_prh_officers__officers') }}

),

-- Nearly every place has been told once only: no window needs to sort those.
told_again as (

    select place_id
    from told
    group by place_id
    having count(*) > 1

),

daily as (

    select told.*
    from told
    semi join told_again on told.place_id = told_again.place_id
    -- Two loads of one day: the later one is what is true of that day.
    qualify row_number() over (partition by told.place_id, told.as_of order by told.load_id desc) = 1

),

stated as (

    select
        *,
        null::date as next_told_on,
        as_of as first_seen_on,
        as_of as last_told_on
    from told
    anti join told_again on told.place_id = told_again.place_id

    union all by name

    select
        *,
        lead(as_of) over (partition by place_id order by as_of) as next_told_on,
        min(as_of) over (partition by place_id) as first_seen_on,
        max(as_of) over (partition by place_id) as last_told_on
    from daily

),

-- A pair of codes has a meaning of its own, or that of every role of its organ, or none: then it is kept and not guessed.
meant as (

    select
        stated.*,
        coalesce(exact.position_code, organ.position_code, 'UNMAPPED') as position_code
    from stated
    left join {{ ref('officer_roles') }} as exact on stated.organ_code = exact.organ_code and stated.role_code = exact.role_code
    left join {{ ref('officer_roles') }} as organ on stated.organ_code = organ.organ_code and organ.role_code = '*'
    where stated.op <> 'D'

)

select
    meant.place_id,
    'prh_officers:officers:' || meant.place_id as mention_id,
    {{ keyed('role', "'prh_officers:officers:' || meant.place_id") }} as role_id,
    meant.load_id,
    meant.as_of as valid_from,
    meant.next_told_on as valid_to,
    meant.as_of = meant.last_told_on as is_latest,
    meant.first_seen_on,

    -- place
    meant.business_id,
    meant.organ_code,
    meant.role_code as role_code_told,
    meant.position_code as role_code,
    roles.schema_name,
    roles.decision_maker,
    roles.area_code,
    roles.listing_basis,
    meant.started_on,
    meant.ended_on,
    meant.has_inverted_interval,

    -- person
    meant.is_firm,
    meant.person_id as register_person_id,
    meant.first_names,
    meant.last_name,
    meant.birth_date
from meant
inner join {{ ref('roles') }} as roles on meant.position_code = roles.role_code
