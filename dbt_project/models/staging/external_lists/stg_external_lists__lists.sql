with source as (

    select * from {{ source('external_lists', 'lists') }}

),

newest as (

    select *
    from source
    qualify row_number() over (partition by _key order by _load_id desc) = 1

),

renamed as (

    select
        -- keys
        list_id,
        _load_id as load_id,

        -- age
        list_date,
        stale_after,
        max_age_days,
        is_required,
        list_date is not null as has_landed,
        -- A list that came once is in use: from then on its age counts. The gate looks again when it runs, by stale_after.
        case
            when list_date is null then is_required
            else coalesce(current_date > stale_after, false)
        end as is_stale,

        entries as entry_count
    from newest

)

select * from renamed
