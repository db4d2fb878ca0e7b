-- One row per dataset: how its last load went and what is in service. A rejected load leaves the accepted one in service.
with loads as (

    select * from {{ ref('stg_lake__manifests') }}

),

last_loads as (

    select
        source_name,
        dataset_name,
        arg_max(loads, load_id) as last_load,
        arg_max(loads, load_id) filter (where verdict = 'accepted') as in_service,
        count(*) filter (where verdict = 'rejected') as rejected_loads,
        (sum(rows_quarantined) filter (where verdict = 'accepted'))::bigint as quarantined_total
    from loads
    group by source_name, dataset_name

)

select
    source_name,
    dataset_name,
    last_load.load_id as last_load_id,
    last_load.as_of as last_as_of,
    last_load.finished_at as last_finished_at,
    last_load.verdict as last_verdict,
    last_load.reason as last_reason,
    coalesce(last_load.failed_bounds, []) as failed_bounds,
    in_service.load_id as in_service_load_id,
    in_service.as_of as in_service_as_of,
    in_service.finished_at as in_service_finished_at,
    in_service.rows_read,
    in_service.rows_landed,
    in_service.rows_unchanged,
    in_service.rows_quarantined,
    in_service.rows_disappeared,
    coalesce(in_service.unknown_codes, 0) as unmapped_codes,
    coalesce(in_service.unknown_fields, 0) as unknown_fields,
    quarantined_total,
    rejected_loads
from last_loads
