{{ config(materialized='table') }}

-- What is known of an organisation on each day something was told of it: of every field the word of the best source that has one
-- (var survivorship). Claims of other days are carried forward for as long as they are the last word of their record.
{%- set sources = organisation_sources() %}
with spans as (

    select spans.*
    from {{ ref('enr_organisation_spans') }} as spans
    {%- if is_day_increment() %}
    semi join {{ ref('enr_affected_organisations') }} as affected
        on spans.business_id = affected.business_id or spans.business_id_before = affected.business_id
    {%- endif %}

),

told as (

    select
        business_id,
        valid_from,
        load_id
    from spans
    where business_id is not null

    union all

    -- The organisation a record no longer speaks of.
    select
        business_id_before,
        valid_from,
        load_id
    from spans
    where business_id_before <> business_id or (business_id_before is not null and business_id is null)

),

days as (

    select
        business_id,
        valid_from as as_of,
        max(load_id) as load_id
    from told
    group by business_id, valid_from

),
{% for name, source in sources.items() %}
{{ name }}_claims as (

    select * exclude (as_of, business_id) from {{ ref(source.claims) }}

),

{{ name }} as (

    select
        days.as_of,
        span.business_id as organisation_id,
        claim.*{% if source.is_register %} replace (if(span.is_gone, 'ceased', claim.status) as status){% endif %}
    from days
    inner join spans as span
        on
            days.business_id = span.business_id
            and span.source_name = '{{ name }}'
            and days.as_of >= span.valid_from
            and (span.valid_to is null or days.as_of < span.valid_to)
    inner join {{ name }}_claims as claim
        on span.told_in = claim.load_id and span.record_id = claim.record_id
    {%- if not source.is_register %}
    where not span.is_gone
    {%- endif %}
    {%- if source.first is defined %}
    qualify row_number() over (partition by days.business_id, days.as_of order by {{ source.first }}) = 1
    {%- endif %}

),
{% endfor %}
-- Several fields may be corrected at once: one row per organisation and day, of each field the value in a struct, since "there is
-- none" is a correction, too.
corrections as (

    select
        days.business_id,
        days.as_of,
        {%- for field in var('correctable') %}
        any_value(struct_pack(value := claim.value)) filter (where claim.field_name = '{{ field }}') as {{ correctable_claims()[loop.index0] }}{{ ',' if not loop.last }}
        {%- endfor %}
    from days
    inner join spans as span
        on
            days.business_id = span.business_id
            and span.source_name = 'correction'
            and days.as_of >= span.valid_from
            and (span.valid_to is null or days.as_of < span.valid_to)
    inner join {{ ref('enr_corrections') }} as claim on span.told_in = claim.load_id and span.record_id = claim.record_id
    where not span.is_gone
    group by days.business_id, days.as_of

),

survivors as (

    select
        days.business_id,
        days.load_id,
        days.as_of,
        coalesce(
            {%- for name, source in sources.items() if source.is_register %}
            {{ name }}.record_id{{ ',' if not loop.last }}
            {%- endfor %}
        ) is not null as is_registered,
        is_registered or vero.record_id is not null as is_known,
        {%- for field in var('survivorship') %}
        {{ surviving(field) }} as {{ field }},
        {%- endfor %}
        {%- for field in var('survivorship') %}
        {{ survivor(field) }} as {{ field }}_teller,
        {{ outweighed(field) }} as {{ field }}_outweighed,
        {%- endfor %}
        list_sort(list_filter([
            {%- for name, source in sources.items() %}
            if({{ name }}.record_id is null, null, {{ source.named | default("'" ~ name ~ "'") }}){{ ',' if not loop.last }}
            {%- endfor %}
        ], lambda name: name is not null)) as sources
    from days
    {%- for name in sources %}
    left join {{ name }} on days.business_id = {{ name }}.organisation_id and days.as_of = {{ name }}.as_of
    {%- endfor %}
    left join corrections on days.business_id = corrections.business_id and days.as_of = corrections.as_of

)

select * from survivors
