-- Who was responsible for what, from which day to which: by surveys from the report to the next one, by registers for as long as
-- the role lasts.
with surveyed as (

    select
        areas.person_id,
        areas.business_id,
        areas.area_code,
        areas.valid_from,
        links.valid_to,
        links.ended_by,
        links.first_name,
        links.last_name,
        links.title,
        areas.level,
        areas.area_source,
        areas.confidence,
        links.language_code as language,
        links.verifier,
        'survey' as source_name,
        links.load_id,
        links.mention_id
    from {{ ref('enr_link_areas') }} as areas
    inner join {{ ref('enr_surveyed_links') }} as links
        on areas.person_id = links.person_id and areas.business_id = links.business_id and areas.valid_from = links.valid_from

),

-- Of two roles of one area at one organisation (a partner who is managing director as well) one row: the one that lasts longest,
-- then by the order of the codes.
registered as (

    select
        held.person_id,
        held.business_id,
        roles.area_code,
        held.started_on as valid_from,
        held.ended_on + 1 as valid_to,
        if(held.ended_on is null, null, 'role_ended') as ended_by,
        held.first_name,
        held.last_name,
        held.role_name_fi as title,
        held.load_id,
        held.role_id as mention_id,
        null::varchar as language,
        'director' as level,
        'coded' as area_source,
        1.0::double as confidence,
        'registry' as verifier,
        'prh_officers' as source_name
    from {{ ref('responsible_persons') }} as held
    inner join {{ ref('roles') }} as roles on held.role_code = roles.role_code
    where
        held.listing_basis = 'registered_role'
        and held.is_decision_maker and roles.area_code is not null and held.started_on is not null
        and (held.ended_on is null or held.started_on <= held.ended_on)
    qualify row_number() over (
        partition by held.person_id, held.business_id, roles.area_code, held.started_on
        order by coalesce(held.ended_on, date '9999-12-31') desc, held.role_code asc, held.role_id asc
    ) = 1

)

select * from surveyed

union all by name

select * from registered
