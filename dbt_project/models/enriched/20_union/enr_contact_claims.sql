-- Every telephone number and e-mail address that a source told, whose it is and how we came by it. Nothing is inferred: an address
-- that stands in no source does not exist here, a pattern (etunimi.sukunimi@...) is none.
with extract_contacts as (

    select
        contacts.business_id,
        if(contacts.contact_type = 'email', 'email', 'phone') as channel,
        contacts.normal as value,
        contacts.kind as value_kind,
        contacts.load_id,
        contacts.as_of,
        spans.valid_to as ended_on
    from {{ ref('stg_ytj_extract__contacts') }} as contacts
    inner join {{ ref('enr_organisation_spans') }} as spans
        on spans.source_name = 'ytj_extract' and contacts.business_id = spans.record_id and contacts.load_id = spans.told_in
    where contacts.contact_type in ('phone', 'mobile', 'email') and not spans.is_gone

),

bodies as (

    select * from {{ ref('stg_associations__associations') }}
    union all by name
    select * from {{ ref('stg_foundations__foundations') }}

),

told_bodies as (

    select
        bodies.*,
        spans.valid_to as ended_on
    from bodies
    inner join {{ ref('enr_organisation_spans') }} as spans
        on
            spans.source_name = 'yrtti' and bodies.registration_number = spans.record_id and bodies.load_id = spans.told_in
            and bodies.business_id = spans.business_id
    where not spans.is_gone

),

units as (

    select
        organisation_id,
        business_id,
        load_id,
        as_of,
        op
    from {{ ref('stg_ptv__organisations') }}
    qualify row_number() over (partition by organisation_id order by as_of desc, load_id desc) = 1

),

-- What may be handed on by channel; a premium number or a pattern is none.
{%- set kinds = {'email': "'personal', 'role', 'free_mail'", 'phone': "'mobile', 'fixed', 'organisation', 'service'"} %}

told as (

    select
        'ytj_extract' as source_name,
        null::varchar as person_id,
        business_id,
        channel,
        value,
        value_kind,
        'registry' as acquisition_method,
        'registry' as verifier,
        as_of as verified_on,
        ended_on,
        if(ended_on is null, null, 'withdrawn') as ended_by,
        load_id
    from extract_contacts
    {% for channel in kinds %}
    union all by name

    select
        'yrtti' as source_name,
        business_id,
        '{{ channel }}' as channel,
        {{ channel }} as value,
        {{ channel }}_kind as value_kind,
        'registry' as acquisition_method,
        'registry' as verifier,
        as_of as verified_on,
        ended_on,
        if(ended_on is null, null, 'withdrawn') as ended_by,
        load_id
    from told_bodies

    union all by name

    select
        'ptv' as source_name,
        units.business_id,
        '{{ channel }}' as channel,
        points.{{ channel }} as value,
        points.{{ channel }}_kind as value_kind,
        'published' as acquisition_method,
        'organisation' as verifier,
        units.as_of as verified_on,
        units.load_id
    from units
    inner join {{ ref('stg_ptv__' ~ channel ~ 's') }} as points on units.organisation_id = points.organisation_id and units.load_id = points.load_id
    where units.op <> 'D' and units.business_id is not null{{ " and points.service_type = 'Phone'" if channel == 'phone' }}

    union all by name

    -- A switchboard or info@ that was told in place of a person's own is the organisation's.
    select
        'survey' as source_name,
        if({{ channel }}_kind in ('role', 'organisation'), null, person_id) as person_id,
        business_id,
        '{{ channel }}' as channel,
        {{ channel }} as value,
        {{ channel }}_kind as value_kind,
        'confirmed_by_' || if(verifier = 'person', 'person', 'org') as acquisition_method,
        verifier,
        valid_from as verified_on,
        if({{ channel }}_kind in ('role', 'organisation'), null, valid_to) as ended_on,
        if({{ channel }}_kind in ('role', 'organisation'), null, ended_by) as ended_by,
        load_id
    from {{ ref('enr_surveyed_links') }}
    {% endfor %}
)

select *
from told
where
    value is not null
    and value_kind in ({{ kinds.email }}, {{ kinds.phone }})
