{#- Whether this run is a day's increment: asked for by `kohde build`, which knows what the last build had seen. -#}
{% macro is_day_increment() -%}
    {{ return(var('watermarks') | length > 0 and not flags.FULL_REFRESH) }}
{%- endmacro %}

{#- The condition that a raw row of a dataset has landed since the last build. One load's rows lie in files of their own,
    so the Parquet statistics of _load_id let DuckDB skip every older file. -#}
{% macro landed_since_last_build(dataset, column='load_id') -%}
    {%- if is_day_increment() and dataset in var('watermarks') -%}
        {{ column }} > '{{ var('watermarks')[dataset] }}'
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{#- What a dataset tells that has to be worked on. From the first day on which something new is told of an organisation, all
    loads tell of it again: so the search of a day that the bulk has passed weighs the same in an increment as in a full
    build. DuckDB turns both conditions of the join into filters of the scan (seen in EXPLAIN), older files stay unread. -#}
{% macro told_anew(relation) -%}
    select told.*
    from {{ relation }} as told
    {%- if is_day_increment() %}
    semi join {{ ref('enr_affected_organisations') }} as affected
        on told.business_id = affected.business_id and told.as_of >= affected.told_from
    {%- endif %}
{%- endmacro %}
