{{ config(materialized='table') }}

-- Of organisations that were told of on several days: who told each field, from which day to which. The others have told everything
-- on one day, which field_provenance reads without this.
{%- set fields = provenance_fields() %}
with days as (

    select survivors.*
    from {{ ref('enr_organisation_survivors') }} as survivors
    where survivors.is_known
    qualify count(*) over (partition by survivors.business_id) > 1

),

-- A field that nobody tells any more has a row without a teller, which ends the one before it.
told as (

    select
        business_id,
        as_of,
        unnest([
            {%- for field, column in fields.items() %}
            struct_pack(field := '{{ column }}', teller := {{ field }}_teller, outweighed := {{ field }}_outweighed){{ ',' if not loop.last }}
            {%- endfor %}
        ], recursive := true)
    from days

),

-- Of several records of one source in force the one that was told last.
claims as (

    select
        days.business_id,
        days.as_of,
        spans.source_name,
        arg_max(spans.told_in, spans.valid_from) as load_id,
        max(spans.valid_from) as observed_on
    from days
    inner join {{ ref('enr_organisation_spans') }} as spans
        on
            days.business_id = spans.business_id and days.as_of >= spans.valid_from
            and (spans.valid_to is null or days.as_of < spans.valid_to)
    group by days.business_id, days.as_of, spans.source_name

),

states as (

    select
        told.business_id,
        told.field,
        told.as_of,
        told.teller,
        claims.load_id,
        claims.observed_on,
        if(told.teller is null, [], told.outweighed) as outweighed,
        concat_ws('|', told.teller, claims.load_id, told.outweighed) as state
    from told
    left join claims on told.business_id = claims.business_id and told.as_of = claims.as_of and told.teller = claims.source_name

),

marked as (

    select
        *,
        lag(as_of) over days is null or lag(state) over days <> state as is_changed
    from states
    window days as (partition by business_id, field order by as_of)

),

spans as (

    select
        * exclude (as_of, state, is_changed),
        as_of as valid_from,
        lead(as_of) over (partition by business_id, field order by as_of) as valid_to
    from marked
    where is_changed

)

select *
from spans
where teller is not null
