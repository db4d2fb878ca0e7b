-- The organisations anything was told of since the last build, computed once: every incremental model follows it. A record that
-- now speaks of another organisation concerns the one it spoke of before as well.
{{ config(materialized='table') }}

select distinct business_id
from {{ ref('enr_organisation_claims') }}
where
    business_id is not null
    {%- if is_day_increment() %}
    and (source_name, record_id) in (select distinct (source_name, record_id) from {{ ref('enr_organisation_claims') }} where is_new)
    {%- endif %}
