{{ config(materialized='table') }}

-- Who told each field of a decision maker at an organisation, from which day to which, and whose word it outweighed: a correction
-- counts before a survey, a survey before a register.
{%- set fields = ['name', 'title', 'area_codes', 'email', 'phone', 'language'] %}
{%- set facts = ['source_name', 'load_id', 'observed_on', 'verified_on', 'verifier'] %}
with surveyed as (

    select
        person_id,
        business_id,
        valid_from,
        valid_to,
        2 as rank,
        'survey' as source_name,
        load_id,
        as_of as observed_on,
        verifier,
        concat_ws(' ', first_name, last_name) as name,
        title,
        nullif(array_to_string(list_sort(area_codes), ','), '') as area_codes,
        email,
        phone,
        language_code as language
    from {{ ref('enr_surveyed_links') }}

),

registered as (

    select
        person_id,
        business_id,
        valid_from,
        valid_to,
        3 as rank,
        'prh_officers' as source_name,
        load_id,
        valid_from as observed_on,
        verifier,
        concat_ws(' ', first_name, last_name) as name,
        title,
        area_code as area_codes
    from {{ ref('decision_maker_history') }}
    where source_name = 'prh_officers' and (valid_to is null or valid_to > valid_from)

),

-- The corrections that stand; a null in one means that there is no such thing.
corrections as (
    {% for field in var('correctable_of_persons') %}
    select
        standing.person_id,
        standing.business_id,
        '{{ field }}' as field_name,
        coalesce(standing.{{ field }}.value, '') as value
    from {{ ref('enr_person_corrections') }} as standing
    where standing.{{ field }} is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

corrected as (

    select
        corrections.person_id,
        corrections.business_id,
        max(made.made_at)::date as valid_from,
        1 as rank,
        'correction' as source_name,
        arg_max(made.load_id, made.made_at) as load_id,
        max(made.made_at)::date as observed_on,
        'organisation' as verifier,
        {%- for field in fields if field not in ('name', 'area_codes') %}
        if(corrections.field_name = '{{ field }}', any_value(corrections.value), null) as {{ field }},
        {%- endfor %}
        if(corrections.field_name in ('first_name', 'last_name'), any_value(corrections.value), null) as name
    from corrections
    inner join {{ ref('stg_ledger__corrections') }} as made
        on
            corrections.person_id = made.person_id and corrections.field_name = made.field_name
            and (made.business_id is null or corrections.business_id = made.business_id)
    group by corrections.person_id, corrections.business_id, corrections.field_name

),

claims as (

    select * from surveyed
    union all by name
    select * from registered
    union all by name
    select * from corrected

),

-- Most are told of once, by one source: they need no comparing.
counted as (

    select
        *,
        valid_from as verified_on,
        count(*) over (partition by person_id, business_id) = 1 as is_alone
    from claims

),

days as (

    select distinct
        person_id,
        business_id,
        unnest([valid_from, valid_to]) as as_of
    from counted
    where not is_alone

),

{%- set told_list -%}
    {%- for field in fields %}
        list(
            struct_pack(
                {%- for fact in facts %}
                {{ fact }} := claims.{{ fact }},
                {%- endfor %}
                value := claims.{{ field }}
            )
            order by claims.rank asc, claims.valid_from desc, claims.load_id desc
        ) filter (where claims.{{ field }} is not null) as {{ field }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endset %}

-- Of each field the claims in force on a day, best first.
in_force as (

    select
        claims.person_id,
        claims.business_id,
        claims.valid_from as as_of,
        any_value(claims.valid_to) as ends_on,
        {{ told_list }}
    from counted as claims
    where claims.is_alone
    group by claims.person_id, claims.business_id, claims.valid_from

    union all by name

    select
        days.person_id,
        days.business_id,
        days.as_of,
        {{ told_list }}
    from days
    left join counted as claims
        on
            days.person_id = claims.person_id and days.business_id = claims.business_id and days.as_of >= claims.valid_from
            and (claims.valid_to is null or days.as_of < claims.valid_to)
    where days.as_of is not null
    group by days.person_id, days.business_id, days.as_of

),

told as (

    select
        person_id,
        business_id,
        as_of,
        ends_on,
        unnest([
            {%- for field in fields %}
            struct_pack(field := '{{ field }}', told := {{ field }}){{ ',' if not loop.last }}
            {%- endfor %}
        ], recursive := true)
    from in_force

),

states as (

    select
        person_id,
        business_id,
        field,
        as_of,
        ends_on,
        told[1] as won,
        coalesce(list_distinct(list_transform(
            list_filter(told, lambda one: one.value <> told[1].value), lambda one: one.source_name
        )), []) as outweighed,
        concat_ws('|', told[1].load_id, told[1].source_name, told[1].verified_on, outweighed) as state
    from told

),

marked as (

    select
        *,
        lag(as_of) over days is null or lag(state) over days <> state as is_changed
    from states
    window days as (partition by person_id, business_id, field order by as_of)

),

spans as (

    select
        *,
        coalesce(ends_on, lead(as_of) over (partition by person_id, business_id, field order by as_of)) as valid_to
    from marked
    where is_changed

)

select
    person_id,
    business_id,
    field,
    as_of as valid_from,
    valid_to,
    {%- for fact in facts %}
    won.{{ fact }} as {{ fact }},
    {%- endfor %}
    outweighed
from spans
where won is not null
