-- Who told something of which organisation, and when: the keys of every claim. What was told stays in the models of 10_map.
-- A new source is a line in macros/organisation_sources.sql and a model there.
{%- for name, source in organisation_sources().items() %}
select
    '{{ name }}' as source_name,
    record_id,
    business_id,
    load_id,
    as_of,
    op,
    {{ source.is_register }} as is_register,
    case
        {%- for dataset in source.datasets %}
        {%- set prefix = dataset | replace('.', '-') ~ '-' %}
        when load_id like '{{ prefix }}2%' then {{ landed_since_last_build(dataset) }}
        {%- endfor %}
    end as is_new
from {{ ref(source.claims) }}
union all
{%- endfor %}
select
    'correction' as source_name,
    record_id,
    business_id,
    load_id,
    as_of,
    op,
    false as is_register,
    {{ landed_since_last_build('ledger.corrections') }} as is_new
from {{ ref('enr_corrections') }}
