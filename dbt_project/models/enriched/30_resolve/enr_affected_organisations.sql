-- The organisations anything was told of since the last build: computed once, every incremental model follows it.
{{ config(materialized='table') }}

select distinct business_id
from (
    select
        business_id,
        load_id
    from {{ ref('stg_ytj__companies') }}
    where {{ landed_since_last_build('ytj.companies') }}
    union all
    select
        business_id,
        load_id
    from {{ ref('stg_ytj__companies_search') }}
    where {{ landed_since_last_build('ytj.companies_search') }}
) as landed
