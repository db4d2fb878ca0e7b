{#- `select * from organisations_as_of(date '2026-01-31')`: the organisations as they were known on that day. Lives in every
    file that holds organisation_history, next to it. -#}
{% macro create_organisations_as_of() -%}
create or replace macro {{ this.schema }}.organisations_as_of(as_of_date) as table
select {{ organisation_columns('history') }},
    history.first_seen_on,
    history.valid_from as last_changed_on,
    date_sub('year', history.registered_on, as_of_date) as age_years
from {{ this.schema }}.organisation_history as history
{{ organisation_joins('history') }}
where history.valid_from <= as_of_date and (history.valid_to is null or history.valid_to > as_of_date)
{%- endmacro %}

{#- An organisation's columns: what is tracked, and the names of its codes in three languages. A name that a language lacks
    falls back to Finnish, a code that no list knows keeps its row. -#}
{% macro organisation_columns(history) -%}
    {{ history }}.business_id,
    {%- for field in tracked_fields() %}
    {{ history }}.{{ field }},
    {%- endfor %}
    legal_forms.name_fi as legal_form_name_fi,
    coalesce(legal_forms.name_sv, legal_forms.name_fi) as legal_form_name_sv,
    coalesce(legal_forms.name_en, legal_forms.name_fi) as legal_form_name_en,
    industries.name_fi as industry_name_fi,
    coalesce(industries.name_sv, industries.name_fi) as industry_name_sv,
    coalesce(industries.name_en, industries.name_fi) as industry_name_en,
    municipalities.name_fi as municipality_name_fi,
    municipalities.name_sv as municipality_name_sv,
    municipalities.region_fi as region_name_fi,
    municipalities.region_sv as region_name_sv,
    municipalities.region_en as region_name_en,
    municipalities.wellbeing_county_fi as wellbeing_county_name_fi
{%- endmacro %}

{#- The code lists by name: organisations_as_of is copied into published files, where dbt's full names mean nothing. A model
    gives its refs instead. -#}
{% macro organisation_joins(
    history, legal_forms='reference.legal_forms', industries='reference.industries', municipalities='reference.municipalities'
) -%}
left join {{ legal_forms }} as legal_forms on {{ history }}.legal_form_code = legal_forms.code
left join {{ industries }} as industries on {{ history }}.industry_code = industries.code
left join {{ municipalities }} as municipalities on {{ history }}.municipality_code = municipalities.code
{%- endmacro %}
