with source as (

    select * from {{ source('lake', 'manifests') }}

),

renamed as (

    select
        source as source_name,
        dataset as dataset_name,
        load_id,
        as_of,
        mode,
        verdict,
        reason,
        counts.read as rows_read,
        counts.landed as rows_landed,
        counts.unchanged as rows_unchanged,
        counts.quarantined as rows_quarantined,
        counts.disappeared as rows_disappeared,
        list_sum(map_values(unknown_fields))::bigint as unknown_fields,
        list_sum(map_values(unknown_codes))::bigint as unknown_codes,
        list_transform(list_filter(bounds, lambda x: not x.passed), lambda x: x.bound) as failed_bounds,
        len(warnings) as warnings,
        finished_at at time zone 'UTC' as finished_at
    from source

)

select * from renamed
