-- Rows of an extract: the selected targets with what may be told of each. delivery/extract.py fills in what stands in braces.
-- A value is told by its own row of {contacts} only: what is no candidate there, or did not pass, is null here. So it is with the
-- organisation: somebody may stand in its name, or live at its address, who has forbidden what a colleague has not.
with chosen as (

    select
        target_id,
        person_id,
        business_id,
        email_ok,
        phone_ok,
        post_ok,
        cell,
        why
    from selected

),

told as (

    select
        chosen.target_id,
        any_value(contacts.value) filter (contacts.channel = 'email' and chosen.email_ok) as email,
        any_value(contacts.value) filter (contacts.channel = 'phone' and chosen.phone_ok) as phone,
        any_value(contacts.value) filter (contacts.channel = 'post' and chosen.post_ok) as post,
        any_value(contacts.first_name) as first_name,
        any_value(contacts.last_name) as last_name,
        any_value(contacts.title) as title,
        any_value(contacts.language) as language,
        any_value({restriction}) as restriction,
        list(distinct contacts.channel) as channels
    from chosen
    inner join {contacts} as contacts
        on chosen.person_id is not distinct from contacts.person_id and chosen.business_id = contacts.business_id
    group by chosen.target_id

),

withheld as (

    select
        chosen.target_id,
        list(distinct audit.channel) as channels
    from chosen
    inner join registry.gate_audit as audit
        on chosen.person_id is not distinct from audit.person_id and chosen.business_id = audit.business_id
    group by chosen.target_id

),

links as (

    select
        makers.person_id,
        makers.business_id,
        any_value(makers.level) as level,
        any_value(makers.registered_roles) as registered_roles,
        any_value(makers.postal_street) as postal_street,
        any_value(makers.postal_postcode) as postal_postcode,
        any_value(makers.postal_town) as postal_town,
        any_value(makers.verified_on) as verified_on,
        any_value(makers.verifier) as verifier,
        max(makers.p_current) as p_current,
        any_value(makers.sources) as sources,
        list(makers.area_code order by makers.area_code) filter (makers.area_code <> 'UNCLASSIFIED') as area_code,
        list(makers.area_name_{language} order by makers.area_code) filter (makers.area_code <> 'UNCLASSIFIED') as area
    from registry.decision_makers as makers
    semi join chosen on makers.person_id = chosen.person_id and makers.business_id = chosen.business_id
    group by makers.person_id, makers.business_id

),

points as (

    select
        points.business_id,
        points.channel,
        max(points.verified_on) as verified_on,
        max(points.p_current) as p_current
    from registry.contact_points as points
    semi join chosen on points.business_id = chosen.business_id and chosen.person_id is null
    where points.owner = 'organisation' and points.invalid_at is null
    group by points.business_id, points.channel

),

own as (

    select
        business_id,
        max(verified_on) as verified_on,
        min(p_current) as p_current
    from points
    group by business_id

),

firms as (

    select organisations.*
    from registry.organisations as organisations
    semi join chosen on organisations.business_id = chosen.business_id
    {open_firms}

),

-- Streets where the organisation may be written to.
streets as (

    select distinct contacts.business_id
    from {contacts} as contacts
    semi join chosen on contacts.business_id = chosen.business_id
    where contacts.person_id is null and contacts.channel = 'post' and contacts.value is not null

),

role_names as (

    select
        role_code,
        name_{language} as name
    from registry.reference.roles

),

positions as (

    select
        held.person_id,
        held.business_id,
        list(role_names.name order by held.role_code) as position
    from (
        select person_id, business_id, unnest(registered_roles) as role_code
        from links
    ) as held
    inner join role_names on held.role_code = role_names.role_code
    group by held.person_id, held.business_id

),

extracted as (

    select
        chosen.target_id,
        chosen.person_id,
        chosen.business_id,
        firms.name as organisation_name,
        firms.legal_form_code,
        firms.legal_form_name_{language} as legal_form,
        firms.status,
        firms.industry_code,
        firms.industry_name_{language} as industry,
        if(streets.business_id is null, null, firms.visiting_street) as visiting_street,
        if(streets.business_id is null, null, firms.visiting_postcode) as visiting_postcode,
        if(streets.business_id is null, null, firms.visiting_town) as visiting_town,
        if(told.post is null, null, coalesce(links.postal_street, firms.postal_street)) as postal_street,
        if(told.post is null, null, coalesce(links.postal_postcode, firms.postal_postcode)) as postal_postcode,
        if(told.post is null, null, coalesce(links.postal_town, firms.postal_town)) as postal_town,
        if(told.post is null or links.postal_postcode is not null, null, firms.postal_country) as postal_country,
        firms.municipality_code,
        firms.municipality_name_{municipality_language} as municipality,
        firms.region_code,
        firms.region_name_{language} as region,
        told.phone,
        told.email,
        firms.website,
        firms.staff_band,
        null::varchar as turnover_band,
        firms.taxed_income_year,
        firms.taxed_income_eur,
        firms.is_employer,
        firms.is_vat_registered,
        firms.is_prepayment_registered,
        firms.registered_on,
        told.first_name,
        told.last_name,
        told.title,
        links.level,
        links.registered_roles as position_code,
        positions.position,
        links.area_code,
        links.area,
        coalesce(told.language, firms.language) as language,
        told.restriction,
        coalesce(links.verified_on, own.verified_on, firms.last_changed_on) as verified_on,
        coalesce(links.verifier, 'registry') as verifier,
        coalesce(links.p_current, own.p_current) as p_current,
        chosen.why,
        chosen.cell,
        list_sort(coalesce(links.sources, firms.sources)) as sources,
        list_concat(told.channels, withheld.channels) as channels,
        firms.business_id is null as is_firm_withheld,
        firms.business_id is not null and firms.visiting_street is not null and streets.business_id is null as is_street_withheld
    from chosen
    left join told on chosen.target_id = told.target_id
    left join withheld on chosen.target_id = withheld.target_id
    left join links on chosen.person_id = links.person_id and chosen.business_id = links.business_id
    left join positions on chosen.person_id = positions.person_id and chosen.business_id = positions.business_id
    left join own on chosen.business_id = own.business_id and chosen.person_id is null
    left join firms on chosen.business_id = firms.business_id
    left join streets on chosen.business_id = streets.business_id

)

select
    *,
    -- Three lines ready for an envelope: the person, the organisation, the place.
    list_filter([
        concat_ws(' ', first_name, last_name),
        organisation_name,
        concat_ws(', ', postal_street, concat_ws(' ', postal_postcode, postal_town))
    ], lambda line: line <> '' and postal_postcode is not null) as envelope,
    -- A channel that is known, was ordered and is not told has been withheld; nobody is told why.
    flatten([
        if(is_firm_withheld, {firm_reasons}, []),
        if(is_firm_withheld or is_street_withheld, {street_reasons}, []),
        if(email is null and list_contains(channels, 'email'), {email_reasons}, []),
        if(phone is null and list_contains(channels, 'phone'), {phone_reasons}, []),
        if(postal_postcode is null and list_contains(channels, 'post'), {post_reasons}, [])
    ]) as null_reasons
from extracted
order by business_id, person_id nulls first
