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
