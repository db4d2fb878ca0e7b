-- The organisations anything was told of since the last build: computed once, every incremental model follows it. told_from is the first day
-- that something new is told of: what is known from before that day stays as it is.
{{ config(materialized='table') }}

select
    business_id,
    min(as_of) as told_from
from (
    select
        business_id,
        as_of
    from {{ ref('stg_ytj__companies') }}
    where {{ landed_since_last_build('ytj.companies') }}
    union all
    select
        business_id,
        as_of
    from {{ ref('stg_ytj__companies_search') }}
    where {{ landed_since_last_build('ytj.companies_search') }}
) as landed
group by business_id
