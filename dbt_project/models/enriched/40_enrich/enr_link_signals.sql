{{ config(materialized='table') }}

-- What makes it doubtful that somebody is still where they were: a change of managing director in the register, an end of their
-- own role there, the firm's leaving the employer register, a customer's mail answered with "has left". One row per link, signal and day.
with leaders as (

    select distinct
        person_id,
        business_id
    from {{ ref('enr_link_areas') }}
    where area_code = 'YLEISJOHTO' and coalesce(level, 'director') = 'director'

),

changes as (

    select distinct
        business_id,
        registered_on as signalled_on
    from {{ ref('stg_prh_notices__notices') }}
    where has_managing_director_change and op <> 'D'

),

mail as (

    select distinct
        person_id,
        business_id,
        email
    from {{ ref('enr_surveyed_links') }}
    where email_kind = 'personal'

)

select
    leaders.person_id,
    leaders.business_id,
    'managing_director_changed' as signal,
    changes.signalled_on
from leaders
inner join changes on leaders.business_id = changes.business_id

union all by name

select distinct
    persons.person_id,
    roles.business_id,
    'role_ended' as signal,
    roles.ended_on + 1 as signalled_on
from {{ ref('enr_registered_roles') }} as roles
inner join {{ ref('enr_person_of_mention') }} as persons on roles.mention_id = persons.mention_id
where roles.is_latest and roles.decision_maker = 'yes' and roles.ended_on is not null

union all by name

select distinct
    mail.person_id,
    mail.business_id,
    'has_left_told' as signal,
    events.occurred_at::date as signalled_on
from {{ ref('stg_bounces__events') }} as events
inner join mail on events.contact = mail.email
where events.contact_kind = 'email' and events.is_left_told and events.op <> 'D'

union all by name

select distinct
    links.person_id,
    links.business_id,
    'employer_no_more' as signal,
    history.valid_from as signalled_on
from {{ ref('enr_surveyed_links') }} as links
inner join {{ ref('organisation_history') }} as history on links.business_id = history.business_id
where list_contains(history.changed_fields, 'is_employer') and not history.is_employer
