{{ config(materialized='table') }}

-- Everybody that any source names, one row per mention: who was named where, with all that helps to tell who it is. What has
-- changed since (a new surname) is the current text, and `names` has every one there ever was.
with held as (

    select
        mention_id,
        first_seen_on,
        load_id,
        valid_from as as_of,
        business_id,
        first_names as first_name,
        last_name,
        birth_date,
        register_person_id,
        valid_from = first_seen_on and is_latest as is_only_state
    from {{ ref('enr_registered_roles') }}
    where not is_firm

),

places as (

    select
        * exclude (is_only_state),
        [struct_pack(first_name := first_name, last_name := last_name, full_name := null::varchar)] as names
    from held
    where is_only_state

    union all by name

    select
        mention_id,
        min(first_seen_on) as first_seen_on,
        max_by(load_id, as_of) as load_id,
        max(as_of) as as_of,
        any_value(business_id) as business_id,
        max_by(first_name, as_of) as first_name,
        max_by(last_name, as_of) as last_name,
        max_by(birth_date, as_of) as birth_date,
        any_value(register_person_id) as register_person_id,
        list(distinct struct_pack(first_name := first_name, last_name := last_name, full_name := null::varchar)) as names
    from held
    where not is_only_state
    group by mention_id

),

reports as (

    select
        'survey:decision_makers:' || report_id as mention_id,
        report_id,
        load_id,
        as_of,
        business_id,
        first_name,
        last_name,
        name as full_name,
        email,
        email_kind,
        phone_e164 as phone,
        phone_kind,
        title,
        -- One interview; who is told twice in it is two persons, unless misspelt.
        case_id as occasion
    from {{ ref('stg_survey__decision_makers') }}
    where op <> 'D'

),

-- Told once, as nearly all, or corrected later by another row of the same interview.
reported_again as (

    select
        report_id,
        min(as_of) as first_seen_on,
        list(distinct struct_pack(first_name := first_name, last_name := last_name, full_name := full_name)) as names
    from reports
    group by report_id
    having count(*) > 1

),

reported as (

    select
        reports.* exclude (report_id),
        reports.as_of as first_seen_on,
        [struct_pack(first_name := reports.first_name, last_name := reports.last_name, full_name := reports.full_name)] as names
    from reports
    anti join reported_again on reports.report_id = reported_again.report_id

    union all by name

    select
        reports.* exclude (report_id),
        reported_again.first_seen_on,
        reported_again.names
    from reports
    inner join reported_again on reports.report_id = reported_again.report_id
    qualify row_number() over (partition by reports.report_id order by reports.load_id desc) = 1

),

mentions as (

    select
        mention_id,
        'prh_officers' as source_name,
        'officers' as dataset,
        'role' as kind,
        load_id,
        as_of,
        first_seen_on,
        business_id,
        first_name,
        last_name,
        null::varchar as full_name,
        names,
        birth_date,
        register_person_id,
        null::varchar as email,
        null::varchar as email_kind,
        null::varchar as phone,
        null::varchar as phone_kind,
        null::varchar as title,
        null::varchar as occasion
    from places

    union all by name

    select
        *,
        'survey' as source_name,
        'decision_makers' as dataset,
        'report' as kind
    from reported

),

spelled as (

    select
        *,
        concat_ws(' ', first_name, last_name, full_name) as spelling
    from mentions

)

select
    * exclude (spelling),
    {{ normal_name_fold('spelling') }} as name_fold
from spelled
