{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='business_id',
        post_hook="{{ create_organisations_as_of() }}",
    )
}}

-- The whole history of whatever was told of since the last build, made anew from its claims: so the order of landing, a build
-- that was killed and one that is run twice make no difference.
with versions as (

    select * from {{ ref('enr_organisation_versions') }}

),

-- On a full build many an organisation has one version only: no window needs to sort those.
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
        is_known,
        if(is_known, struct_pack(
            {%- for field in tracked_fields() %}
            {{ field }} := {{ field }}{{ ',' if not loop.last }}
            {%- endfor %}
        ), null) as state
    from versions
    where business_id not in (select business_id from lone)

),

-- What no source knows any more has ceased; the rest stays as last known.
filled as (

    select
        business_id,
        load_id,
        as_of,
        is_known,
        last_value(state ignore nulls) over (
            partition by business_id order by as_of rows between unbounded preceding and current row
        ) as state
    from packed

),

stated as (

    select
        business_id,
        load_id,
        as_of,
        if(is_known, state, struct_update(state, status := 'ceased', is_marketing_target := false)) as state
    from filled
    where state is not null

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
    where is_known and business_id in (select business_id from lone)

)

select * from one
union all by name
select * from many
