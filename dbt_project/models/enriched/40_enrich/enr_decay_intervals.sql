{{ config(materialized='table') }}

-- What has been seen to hold or to fail between two looks at it: the material of the decay rates. One row per thing that was right
-- on from_day and looked at again on to_day. Channels: link (the person works there), email and phone (the same as before). Moves of
-- organisations, which registers tell by the day, are enr_organisation_moves.
with links as (

    select
        links.*,
        organisations.staff_band,
        organisations.industry_section,
        lead(links.email) over later as next_email,
        lead(links.email_kind) over later as next_email_kind,
        lead(links.phone) over later as next_phone,
        lead(links.phone_kind) over later as next_phone_kind
    from {{ ref('enr_surveyed_links') }} as links
    left join {{ ref('organisations') }} as organisations on links.business_id = organisations.business_id
    window later as (partition by links.person_id, links.business_id order by links.valid_from)

),

-- The area a link is counted under: the surest, then the first of the taxonomy.
areas as (

    select
        areas.person_id,
        areas.business_id,
        areas.valid_from,
        arg_min(areas.area_code, (-areas.confidence, coalesce(taxonomy.number, 99))) as area_code
    from {{ ref('enr_link_areas') }} as areas
    left join {{ ref('areas_of_responsibility') }} as taxonomy on areas.area_code = taxonomy.code
    group by areas.person_id, areas.business_id, areas.valid_from

),

bounced as (

    select
        contact_kind,
        contact,
        occurred_at::date as bounced_on
    from {{ ref('stg_bounces__events') }}
    where is_invalid and op <> 'D'

),

-- The first time a customer's mail to the address failed after it was told.
failed as (

    select
        links.person_id,
        links.business_id,
        links.valid_from,
        min(bounced.bounced_on) as bounced_on
    from links
    inner join bounced on links.email = bounced.contact and links.valid_from < bounced.bounced_on
    where bounced.contact_kind = 'email' and (links.valid_to is null or bounced.bounced_on <= links.valid_to)
    group by links.person_id, links.business_id, links.valid_from

),

looked_at as (

    select
        'link' as channel,
        person_id,
        business_id,
        valid_from,
        valid_to as to_day,
        ended_by <> 'verified_again' as is_failed
    from links
    where valid_to is not null

    union all by name

    -- Of addresses only those count whose person was found there again: customers report what failed, never what arrived. A bounce
    -- tells when it failed.
    select
        'email' as channel,
        links.person_id,
        links.business_id,
        links.valid_from,
        if(links.next_email <> links.email, coalesce(failed.bounced_on, links.valid_to), links.valid_to) as to_day,
        links.next_email <> links.email as is_failed
    from links
    left join failed
        on links.person_id = failed.person_id and links.business_id = failed.business_id and links.valid_from = failed.valid_from
    where links.email_kind = 'personal' and links.ended_by = 'verified_again' and links.next_email_kind = 'personal'

    union all by name

    select
        'phone' as channel,
        person_id,
        business_id,
        valid_from,
        valid_to as to_day,
        next_phone <> phone as is_failed
    from links
    where phone_kind = 'mobile' and ended_by = 'verified_again' and next_phone_kind = 'mobile'

),

people as (

    select
        looked_at.channel,
        links.staff_band,
        links.industry_section,
        areas.area_code,
        looked_at.valid_from as from_day,
        looked_at.to_day,
        looked_at.is_failed,
        looked_at.person_id,
        looked_at.business_id
    from looked_at
    inner join links
        on looked_at.person_id = links.person_id and looked_at.business_id = links.business_id and looked_at.valid_from = links.valid_from
    left join areas
        on looked_at.person_id = areas.person_id and looked_at.business_id = areas.business_id and looked_at.valid_from = areas.valid_from

),

-- Signals tell of themselves (enr_signal_strength): what happened without one is what time alone does.
signalled as (

    select
        people.*,
        exists(
            select 1
            from {{ ref('enr_link_signals') }} as signals
            where
                signals.person_id = people.person_id and signals.business_id = people.business_id
                and signals.signalled_on > people.from_day and signals.signalled_on <= people.to_day
        ) as has_signal
    from people

)

select *
from signalled
where to_day > from_day
