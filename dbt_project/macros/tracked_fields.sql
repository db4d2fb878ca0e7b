{#- The fields of an organisation whose change makes a new row of its history; one list for the marts and their diff. -#}
{% macro tracked_fields() -%}
    {{ return([
        'name', 'trade_names', 'legal_form_code', 'legal_form_letters', 'legal_form_group', 'status',
        'industry_code', 'industry_code_source', 'industry_section', 'industry_2008_codes',
        'municipality_code', 'municipality_source', 'region_code', 'wellbeing_county_code',
        'visiting_street', 'visiting_postcode', 'visiting_town',
        'postal_street', 'postal_postcode', 'postal_town', 'postal_country', 'postal_lines',
        'phone', 'email', 'website', 'language', 'staff_band', 'staff_band_source',
        'is_employer', 'is_vat_registered', 'is_prepayment_registered', 'taxed_income_year', 'taxed_income_eur',
        'registered_on', 'ended_on', 'is_marketing_target', 'sources',
    ]) }}
{%- endmacro %}

{% macro changed_fields(old, new) -%}
    list_filter([
        {%- for field in tracked_fields() %}
        if({{ old }}.{{ field }} is distinct from {{ new }}.{{ field }}, '{{ field }}', null){{ ',' if not loop.last }}
        {%- endfor %}
    ], lambda field: field is not null)
{%- endmacro %}
