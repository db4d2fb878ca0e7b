{{ config(materialized='table') }}

-- What surveys knew of a person's work at an organisation, from which day to which: one row per report that verified it, until
-- the next report of the same two. The last one ends when the firm was asked again, answered in full and did not name the person
-- (ended_by not_named, INFERRED), or said that they had left; else it is in force.
with reports as (

    select
        persons.person_id,
        reports.*
    from {{ ref('enr_survey_reports') }} as reports
    inner join {{ ref('enr_person_of_mention') }} as persons on reports.mention_id = persons.mention_id
    where reports.is_verified or reports.is_left

),

-- Two reports of one day: the one that says they are there counts, then the later one.
daily as (

    select *
    from reports
    qualify row_number() over (
        partition by person_id, business_id, reported_on order by is_verified desc, load_id desc, report_id asc
    ) = 1

),

rounds as (

    select distinct
        reports.business_id,
        reports.reported_on as round_on
    from {{ ref('enr_survey_reports') }} as reports
    inner join {{ ref('stg_survey__cases') }} as cases on reports.case_id = cases.case_id
    where
        reports.disposition_code in ('CMP', 'CNC')
        -- A back-check asks of one person again, not of everybody.
        and not regexp_matches(coalesce(cases.wave_id, ''), '{{ var("back_check_waves") }}')

),

spans as (

    select
        *,
        lead(reported_on) over links as next_on,
        lead(is_left) over links as is_left_next,
        min(if(is_verified, reported_on, null)) over (partition by person_id, business_id) as first_verified_on,
        -- A later report that names no area leaves the stated one in force for as long as the title is the same.
        last_value(
            if(len(area_codes) > 0, struct_pack(title := title, area_codes := area_codes, area_source := area_source), null) ignore nulls
        ) over (
            partition by person_id, business_id order by reported_on rows between unbounded preceding and current row
        ) as stated
    from daily
    window links as (partition by person_id, business_id order by reported_on)

),

verified as (

    select
        *,
        stated.title as stated_title,
        stated.area_codes as stated_codes,
        stated.area_source as stated_source
    from spans
    where is_verified

),

next_rounds as (

    select
        verified.person_id,
        verified.business_id,
        verified.reported_on,
        min(rounds.round_on) as round_on
    from verified
    inner join rounds on verified.business_id = rounds.business_id and verified.reported_on < rounds.round_on
    group by verified.person_id, verified.business_id, verified.reported_on

)

select
    verified.person_id,
    verified.business_id,
    verified.mention_id,
    verified.load_id,
    verified.as_of,
    verified.reported_on as valid_from,
    coalesce(verified.next_on, next_rounds.round_on) as valid_to,
    case
        when verified.is_left_next then 'left'
        when verified.next_on is not null then 'verified_again'
        when next_rounds.round_on is not null then 'not_named'
    end as ended_by,
    verified.first_verified_on,
    verified.verifier,
    verified.first_name,
    verified.last_name,
    verified.title,
    case
        when len(verified.area_codes) > 0 then verified.area_codes
        when coalesce(verified.stated_title, '') = coalesce(verified.title, '') then coalesce(verified.stated_codes, [])
        else []
    end as area_codes,
    if(len(verified.area_codes) > 0, verified.area_source, verified.stated_source) as area_source,
    verified.language_code,
    verified.email,
    verified.email_kind,
    verified.phone,
    verified.phone_kind,
    verified.visiting_street,
    verified.visiting_postcode,
    verified.visiting_town,
    verified.postal_street,
    verified.postal_postcode,
    verified.postal_town
from verified
left join next_rounds
    on
        verified.person_id = next_rounds.person_id and verified.business_id = next_rounds.business_id
        and verified.reported_on = next_rounds.reported_on
