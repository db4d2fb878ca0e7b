-- depends_on: {{ ref('enr_affected_organisations') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='business_id',
        post_hook="{{ create_organisations_as_of() }}",
    )
}}

with told as (

    select * from {{ ref('enr_organisation_versions') }}

),

{%- if is_incremental() %}

-- What was known before the first day that is now told (again). Rows of that day and later ones are made anew, so that
-- running twice, or after a build that was killed half-way, gives the same as running once.
known as (

    select
        history.business_id,
        history.load_id,
        history.valid_from as as_of,
        'U' as op,
        {%- for field in tracked_fields() %}
        history.{{ field }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ this }} as history
    inner join {{ ref('enr_affected_organisations') }} as affected on history.business_id = affected.business_id
    where history.valid_from < affected.told_from

),

versions as (

    select * from told
    union all by name
    select * from known

),
{%- else %}

versions as (

    select * from told

),
{%- endif %}

-- On a full build nearly every organisation has one version only: no window needs to sort those.
lone as (

    select business_id
    from versions
    group by business_id
    having count(*) = 1

),

packed as (

    select
        business_id,
        load_id,
        as_of,
        op,
        if(op = 'D', null, struct_pack(
            {%- for field in tracked_fields() %}
            {{ field }} := {{ field }}{{ ',' if not loop.last }}
            {%- endfor %}
        )) as state
    from versions
    where business_id not in (select business_id from lone)

),

-- Disappeared means ceased (INFERRED: the register drops ceased companies from its dump); the rest stays as last known,
-- be it from an earlier load of the same day.
filled as (

    select
        business_id,
        load_id,
        as_of,
        op,
        last_value(state ignore nulls) over (
            partition by business_id order by as_of, load_id rows between unbounded preceding and current row
        ) as state
    from packed

),

stated as (

    select
        business_id,
        load_id,
        as_of,
        if(op = 'D', struct_update(state, status := 'ceased', is_marketing_target := false), state) as state
    from filled
    where state is not null
    -- Two loads of one day: the later one is what is true of that day; the search, which tells more, comes after the bulk.
    qualify row_number() over (partition by business_id, as_of order by load_id desc) = 1

),

compared as (

    select
        business_id,
        load_id,
        as_of,
        state,
        lag(state) over (partition by business_id order by as_of) as previous
    from stated

),

changed as (

    select *, {{ changed_fields('previous', 'state') }} as changed_fields
    from compared
    where previous is null or previous is distinct from state

),

many as (

    select
        business_id,
        as_of as valid_from,
        lead(as_of) over (partition by business_id order by as_of) as valid_to,
        if(previous is null, [], changed_fields) as changed_fields,
        load_id,
        min(as_of) over (partition by business_id) as first_seen_on,
        {%- for field in tracked_fields() %}
        state.{{ field }} as {{ field }}{{ ',' if not loop.last }}
        {%- endfor %}
    from changed

),

one as (

    select
        business_id,
        as_of as valid_from,
        null::date as valid_to,
        []::varchar[] as changed_fields,
        load_id,
        as_of as first_seen_on,
        {{ tracked_fields() | join(', ') }}
    from versions
    where op <> 'D' and business_id in (select business_id from lone)

)

select * from one
union all by name
select * from many
