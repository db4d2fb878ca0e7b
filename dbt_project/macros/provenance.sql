{#- Fields of an organisation whose teller is kept, and the column of the mart each stands for; an address goes by its street. -#}
{% macro provenance_fields() -%}
    {%- set called = {
        'industry': 'industry_code', 'domicile_code': 'municipality_code', 'visiting': 'visiting_street', 'postal': 'postal_street'
    } -%}
    {%- set fields = {} -%}
    {%- for field in var('survivorship') if field != 'taxed_in_code' -%}
        {%- do fields.update({field: called.get(field, field)}) -%}
    {%- endfor -%}
    {{ return(fields) }}
{%- endmacro %}

{% macro provenance_of_organisations() -%}
    'organisation' as entity_type,
    business_id as entity_id,
    field,
    teller as source_name,
    load_id,
    observed_on,
    observed_on as verified_on,
    if(teller = 'survey', 'organisation', 'registry') as verifier,
    outweighed,
    valid_from
{%- endmacro %}

{% macro provenance_of_persons() -%}
    'decision_maker' as entity_type,
    person_id || '|' || business_id as entity_id,
    field,
    source_name,
    load_id,
    observed_on,
    verified_on,
    verifier,
    outweighed,
    valid_from
{%- endmacro %}

{#- `select * from field_provenance_as_of(date '2026-01-31')`: who had told each value as it stood on that day. -#}
{% macro create_field_provenance_as_of() -%}
create or replace macro {{ this.schema }}.field_provenance_as_of(as_of_date) as table
select current_rows.*, null::date as valid_to
from {{ this.schema }}.field_provenance as current_rows
where current_rows.valid_from <= as_of_date
union all by name
select history.*
from {{ this.schema }}.field_provenance_history as history
where history.valid_from <= as_of_date and history.valid_to > as_of_date
{%- endmacro %}
