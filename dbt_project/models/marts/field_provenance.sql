{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='entity_id',
        pre_hook="{% if is_incremental() %}delete from {{ this }} where entity_type = 'decision_maker'{% endif %}",
    )
}}

-- Of each current value: who told it, in which load, when it was observed and verified, and whose word it outweighed.
{%- set called = {'industry': 'industry_code', 'domicile_code': 'municipality_code', 'visiting': 'visiting_street', 'postal': 'postal_street'} %}
{%- set fields = [] %}
{%- for field in var('survivorship') if field != 'taxed_in_code' %}{% do fields.append(field) %}{% endfor %}
with last_days as (

    select
        business_id,
        max(as_of) as as_of
    from {{ ref('enr_organisation_survivors') }}
    where is_known
    group by business_id

),

-- One pass: a list of the fields that somebody told, taken apart again.
tellers as (

    select
        survivors.business_id,
        unnest(list_filter([
            {%- for field in fields %}
            if({{ field }}_teller is null, null, struct_pack(
                field := '{{ called.get(field, field) }}', teller := {{ field }}_teller, outweighed := {{ field }}_outweighed
            )){{ ',' if not loop.last }}
            {%- endfor %}
        ], lambda one: one is not null)) as claim
    from {{ ref('enr_organisation_survivors') }} as survivors
    inner join last_days on survivors.business_id = last_days.business_id and survivors.as_of = last_days.as_of

),

told_fields as (

    select
        business_id,
        claim.field as field,
        claim.teller as teller,
        claim.outweighed as outweighed
    from tellers

),

-- The claim each source has in force now; of several records the one that was told last.
claims as (

    select
        business_id,
        source_name,
        arg_max(told_in, valid_from) as load_id,
        max(valid_from) as observed_on
    from {{ ref('enr_organisation_spans') }}
    where valid_to is null
    group by business_id, source_name

),

told as (

    select unnest(['name', 'title', 'area_codes', 'email', 'phone', 'language']) as field

)

select
    'organisation' as entity_type,
    told_fields.business_id as entity_id,
    told_fields.field,
    told_fields.teller as source_name,
    claims.load_id,
    claims.observed_on,
    claims.observed_on as verified_on,
    if(told_fields.teller = 'survey', 'organisation', 'registry') as verifier,
    told_fields.outweighed
from told_fields
inner join claims on told_fields.business_id = claims.business_id and told_fields.teller = claims.source_name

union all by name

select
    'decision_maker' as entity_type,
    person_id || '|' || business_id as entity_id,
    told.field,
    'survey' as source_name,
    load_id,
    as_of as observed_on,
    valid_from as verified_on,
    verifier,
    []::varchar[] as outweighed
from {{ ref('enr_surveyed_links') }}
cross join told
where
    valid_to is null
    and case told.field
        when 'title' then title is not null
        when 'area_codes' then len(area_codes) > 0
        when 'email' then email is not null
        when 'phone' then phone is not null
        when 'language' then language_code is not null
        else true
    end
