-- Decision makers as they are known now: a row per person, organisation and area of responsibility. Of a survey and a register that
-- both tell of one, the survey's words stand (it was asked), and the later look counts as the verification.
with now as (

    select today from {{ ref('enr_today') }}

),

in_force as (

    select history.*
    from {{ ref('decision_maker_history') }} as history
    cross join now
    where history.valid_from <= now.today and (history.valid_to is null or history.valid_to > now.today)

),

-- The last look at each, whoever looked.
looks as (

    select
        in_force.person_id,
        in_force.business_id,
        max(if(in_force.source_name = 'survey', in_force.valid_from, held.last_seen_on)) as verified_on,
        arg_max(in_force.verifier, (
            if(in_force.source_name = 'survey', in_force.valid_from, held.last_seen_on), in_force.source_name
        )) as verifier,
        list_sort(list(distinct in_force.source_name)) as sources
    from in_force
    left join {{ ref('responsible_persons') }} as held on in_force.source_name = 'prh_officers' and in_force.mention_id = held.role_id
    group by in_force.person_id, in_force.business_id

),

held_roles as (

    select
        held.person_id,
        held.business_id,
        list_sort(list(distinct held.role_code)) as registered_roles
    from {{ ref('responsible_persons') }} as held
    cross join now
    where held.listing_basis = 'registered_role' and (held.ended_on is null or held.ended_on >= now.today)
    group by held.person_id, held.business_id

),

ranked as (

    select *
    from in_force
    qualify row_number() over (
        partition by person_id, business_id, area_code order by source_name = 'survey' desc, confidence desc, valid_from desc, mention_id asc
    ) = 1

),

-- The words of the link are the same in all its rows.
worded as (

    select
        person_id,
        business_id,
        arg_max(
            struct_pack(first_name := first_name, last_name := last_name, title := title, level := level, language := language),
            (source_name = 'survey', valid_from, area_code)
        ) as told,
        arg_min(area_code, (-confidence, area_code)) as main_area_code
    from ranked
    group by person_id, business_id

),

links as (

    select
        person_id,
        business_id,
        main_area_code,
        told.first_name as first_name,
        told.last_name as last_name,
        told.title as title,
        told.level as level,
        told.language as language
    from worded

),

doubts as (

    select
        looks.person_id,
        looks.business_id,
        min(strengths.remaining) as remaining
    from looks
    inner join {{ ref('enr_link_signals') }} as signals
        on
            looks.person_id = signals.person_id and looks.business_id = signals.business_id
            and looks.verified_on < signals.signalled_on
    inner join {{ ref('enr_signal_strength') }} as strengths on signals.signal = strengths.signal
    cross join now
    where signals.signalled_on <= now.today
    group by looks.person_id, looks.business_id

),

points as (

    select
        person_id,
        business_id,
        {%- for channel in ['email', 'phone'] %}
        arg_max(value, (verified_on, value)) filter (where channel = '{{ channel }}') as {{ channel }},
        arg_max(subject_kind, (verified_on, value)) filter (where channel = '{{ channel }}') as {{ channel }}_subject_kind{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('contact_points') }}
    where person_id is not null and invalid_at is null
    group by person_id, business_id

),

places as (

    select
        person_id,
        business_id,
        visiting_street,
        visiting_postcode,
        visiting_town,
        postal_street,
        postal_postcode,
        postal_town
    from {{ ref('enr_surveyed_links') }}
    where valid_to is null

)

select
    ranked.person_id,
    ranked.business_id,
    ranked.area_code,
    {{ corrected('first_name', 'links.first_name') }} as first_name,
    {{ corrected('last_name', 'links.last_name') }} as last_name,
    {{ corrected('title', 'links.title') }} as title,
    coalesce(links.level, ranked.level) as level,
    areas.name_fi as area_name_fi,
    areas.name_sv as area_name_sv,
    areas.name_en as area_name_en,
    ranked.area_source,
    ranked.confidence,
    coalesce(held_roles.registered_roles, []) as registered_roles,
    {{ corrected('email', 'points.email') }} as email,
    coalesce(points.email_subject_kind, if({{ corrected('email', 'null') }} is null, null, 'natural_person_work')) as email_subject_kind,
    {{ corrected('phone', 'points.phone') }} as phone,
    coalesce(points.phone_subject_kind, if({{ corrected('phone', 'null') }} is null, null, 'natural_person_work')) as phone_subject_kind,
    coalesce(places.visiting_street, organisations.visiting_street) as visiting_street,
    if(places.visiting_street is null, organisations.visiting_postcode, places.visiting_postcode) as visiting_postcode,
    if(places.visiting_street is null, organisations.visiting_town, places.visiting_town) as visiting_town,
    coalesce(places.postal_street, organisations.postal_street) as postal_street,
    if(places.postal_street is null, organisations.postal_postcode, places.postal_postcode) as postal_postcode,
    if(places.postal_street is null, organisations.postal_town, places.postal_town) as postal_town,
    coalesce({{ corrected('language', 'links.language') }}, organisations.language) as language,
    looks.verified_on,
    looks.verifier,
    round(
        {{ still_holds('coalesce(cell.yearly_rate, whole.yearly_rate)', 'now.today - looks.verified_on') }}
        * coalesce(doubts.remaining, 1), 6
    ) as p_current,
    looks.sources,
    ranked.load_id
from ranked
cross join now
inner join looks on ranked.person_id = looks.person_id and ranked.business_id = looks.business_id
inner join links on ranked.person_id = links.person_id and ranked.business_id = links.business_id
left join held_roles on ranked.person_id = held_roles.person_id and ranked.business_id = held_roles.business_id
left join doubts on ranked.person_id = doubts.person_id and ranked.business_id = doubts.business_id
left join points on ranked.person_id = points.person_id and ranked.business_id = points.business_id
left join {{ ref('enr_person_corrections') }} as corrections
    on ranked.person_id = corrections.person_id and ranked.business_id = corrections.business_id
left join places on ranked.person_id = places.person_id and ranked.business_id = places.business_id
left join {{ ref('organisations') }} as organisations on ranked.business_id = organisations.business_id
left join {{ ref('areas_of_responsibility') }} as areas on ranked.area_code = areas.code
{{ decay_rate_joins(ref('decay_rates'), "'link'", 'organisations.staff_band', 'organisations.industry_section', 'links.main_area_code') }}
-- Where there is no organisation any more nobody decides.
where organisations.status is distinct from 'ceased'
