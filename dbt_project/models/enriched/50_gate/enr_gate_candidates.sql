{{ config(materialized='table') }}

-- Everything that could be handed out, before any gate: a row for each channel of each person at an organisation, and of each
-- organisation itself. Of what several sources tell the best one: what the gates then withhold has no second.
with now as (

    select today from {{ ref('enr_today') }}

),

known as (

    select
        business_id,
        legal_form_group,
        is_marketing_target,
        language,
        postal_street,
        postal_postcode,
        postal_lines,
        email,
        phone,
        last_changed_on,
        list_contains(sources, 'ytj') as is_told_daily
    from {{ ref('organisations') }}
    where status <> 'ceased'

),

allowed as (

    select source_name
    from {{ ref('source_purposes') }}
    where may_market = 'yes'

),

points as (

    select
        points.*,
        keys.key as value_key
    from {{ ref('contact_points') }} as points
    -- contact_points calls the two registers of associations and foundations by one name.
    semi join allowed on if(points.source_name = 'yrtti', 'associations', points.source_name) = allowed.source_name
    inner join {{ ref('enr_value_keys') }} as keys on points.value = keys.value and points.channel = keys.kind
    where points.invalid_at is null

),

all_allowed as (

    select list(source_name) as sources
    from allowed

),

-- Of a row that several sources have made, nobody can take out what one of them told: with one that may not be used, it stays home.
usable as (

    select told.*
    from {{ ref('decision_makers') }} as told
    cross join all_allowed
    where list_has_all(all_allowed.sources, told.sources)

),

links as (

    select
        person_id,
        business_id,
        any_value(first_name) as first_name,
        any_value(last_name) as last_name,
        any_value(title) as title,
        any_value(language) as language,
        any_value(email) as email,
        any_value(email_subject_kind) as email_subject_kind,
        any_value(phone) as phone,
        any_value(phone_subject_kind) as phone_subject_kind,
        any_value(postal_street) as postal_street,
        any_value(postal_postcode) as postal_postcode,
        any_value(postal_town) as postal_town,
        any_value(verified_on) as verified_on,
        list_sort(list(distinct area_code) filter (area_code <> 'UNCLASSIFIED')) as area_codes
    from usable
    group by person_id, business_id

),

-- Members of boards and holders of procuration are known and could be written to; the gate says why they are not.
others as (

    select
        held.person_id,
        held.business_id,
        arg_max(held.first_name, (held.started_on, held.role_id)) as first_name,
        arg_max(held.last_name, (held.started_on, held.role_id)) as last_name,
        min(held.role_name_fi) as title,
        -- The register tells all that is in force every time.
        any_value(held.last_seen_on) as verified_on
    from {{ ref('responsible_persons') }} as held
    anti join links on held.person_id = links.person_id and held.business_id = links.business_id
    cross join now
    where not held.is_decision_maker and (held.ended_on is null or held.ended_on >= now.today)
    group by held.person_id, held.business_id

),

persons as (
    {% for channel in ['email', 'phone'] %}
    select
        links.person_id,
        links.business_id,
        '{{ channel }}' as channel,
        links.{{ channel }} as value,
        keys.key as value_key,
        links.{{ channel }}_subject_kind as subject_kind,
        null::varchar as street,
        null::varchar as postcode,
        links.first_name,
        links.last_name,
        links.title,
        links.language,
        links.area_codes,
        true as is_decision_maker,
        least(links.verified_on, points.verified_on) as verified_on
    from links
    inner join {{ ref('enr_value_keys') }} as keys on links.{{ channel }} = keys.value and keys.kind = '{{ channel }}'
    left join points
        on links.person_id = points.person_id and links.business_id = points.business_id and links.{{ channel }} = points.value

    union all by name
    {% endfor %}
    select
        links.person_id,
        links.business_id,
        'post' as channel,
        concat_ws(', ', links.postal_street, concat_ws(' ', links.postal_postcode, links.postal_town)) as value,
        null::varchar as value_key,
        'natural_person_work' as subject_kind,
        links.postal_street as street,
        links.postal_postcode as postcode,
        links.first_name,
        links.last_name,
        links.title,
        links.language,
        links.area_codes,
        true as is_decision_maker,
        links.verified_on
    from links
    where links.postal_street is not null and links.postal_postcode is not null

    union all by name

    select
        others.person_id,
        others.business_id,
        'post' as channel,
        array_to_string(known.postal_lines, ', ') as value,
        'natural_person_work' as subject_kind,
        known.postal_street as street,
        known.postal_postcode as postcode,
        others.first_name,
        others.last_name,
        others.title,
        known.language,
        []::varchar[] as area_codes,
        false as is_decision_maker,
        others.verified_on
    from others
    inner join known on others.business_id = known.business_id

),

-- What somebody has corrected is not what the sources tell.
corrected as (

    select
        business_id,
        field_name,
        any_value(value) as value
    from {{ ref('enr_corrections') }}
    group by record_id, business_id, field_name
    having bool_and(op <> 'D')

),

-- What the register of organisations shows comes first, then what reaches a desk, then what was told last.
own_points as (

    select points.*
    from points
    inner join known on points.business_id = known.business_id
    left join corrected on points.business_id = corrected.business_id and points.channel = corrected.field_name
    where points.owner = 'organisation' and (corrected.business_id is null or points.value = corrected.value)
    qualify row_number() over (
        partition by points.business_id, points.channel
        order by
            points.value is not distinct from if(points.channel = 'email', known.email, known.phone) desc,
            points.subject_kind = 'legal_person_generic' desc,
            points.verified_on desc, points.value asc
    ) = 1

),

last_day_of_register as (

    select max(as_of) as as_of
    from {{ ref('stg_lake__manifests') }}
    where source_name = 'ytj' and dataset_name = 'companies' and verdict = 'accepted'

),

own as (

    select
        null::varchar as person_id,
        business_id,
        channel,
        value,
        value_key,
        subject_kind,
        verified_on
    from own_points

    union all by name

    select
        known.business_id,
        'post' as channel,
        array_to_string(known.postal_lines, ', ') as value,
        if(known.legal_form_group = 'sole_trader', 'natural_person', 'legal_person_generic') as subject_kind,
        known.postal_street as street,
        known.postal_postcode as postcode,
        -- The register tells every address every day; what it does not hold is as old as its last change.
        if(known.is_told_daily, last_day_of_register.as_of, known.last_changed_on) as verified_on
    from known
    cross join last_day_of_register

),

unioned as (

    select * from persons

    union all by name

    select
        *,
        []::varchar[] as area_codes,
        true as is_decision_maker
    from own

)

select
    concat_ws('|', unioned.person_id, unioned.business_id, unioned.channel) as candidate_id,
    unioned.person_id,
    unioned.business_id,
    unioned.channel,
    unioned.value,
    unioned.value_key,
    -- A sole trader is a natural person at whatever address.
    if(known.legal_form_group = 'sole_trader', 'natural_person', unioned.subject_kind) as subject_kind,
    unioned.street,
    unioned.postcode,
    unioned.first_name,
    unioned.last_name,
    unioned.title,
    coalesce(unioned.language, known.language) as language,
    coalesce(unioned.area_codes, []) as area_codes,
    known.legal_form_group,
    unioned.is_decision_maker,
    known.is_marketing_target,
    unioned.verified_on,
    now.today - unioned.verified_on as age_days
from unioned
left join known on unioned.business_id = known.business_id
cross join now
-- Whoever is told without an address has none.
where unioned.value <> ''
