{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='entity_id',
        pre_hook="{% if is_incremental() %}delete from {{ this }} where entity_type = 'decision_maker'{% endif %}",
        post_hook="{{ create_field_provenance_as_of() }}",
    )
}}

-- Of each current value: who told it, in which load, when it was observed and verified, and whose word it outweighed. What stood
-- before is field_provenance_history.
-- depends_on: {{ ref('field_provenance_history') }}
{%- set fields = provenance_fields() %}
with lone_days as (

    select survivors.*
    from {{ ref('enr_organisation_survivors') }} as survivors
    where survivors.is_known
    qualify count(*) over (partition by survivors.business_id) = 1

),

-- One pass: a list of the fields that somebody told, taken apart again.
told as (

    select
        business_id,
        as_of,
        unnest(list_filter([
            {%- for field, column in fields.items() %}
            if({{ field }}_teller is null, null, struct_pack(
                field := '{{ column }}', teller := {{ field }}_teller, outweighed := {{ field }}_outweighed
            )){{ ',' if not loop.last }}
            {%- endfor %}
        ], lambda one: one is not null), recursive := true)
    from lone_days

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

organisation_fields as (

    select
        told.business_id,
        told.field,
        told.as_of as valid_from,
        told.teller,
        claims.load_id,
        claims.observed_on,
        told.outweighed
    from told
    inner join claims on told.business_id = claims.business_id and told.teller = claims.source_name

    union all by name

    select * exclude (valid_to)
    from {{ ref('enr_organisation_field_spans') }}
    where valid_to is null

)

select {{ provenance_of_organisations() }}
from organisation_fields

union all by name

select {{ provenance_of_persons() }}
from {{ ref('enr_person_field_spans') }}
where valid_to is null
