{#- The sources that tell of organisations: where their claims are (a model of 10_map), which datasets these come from, and

    is_register: being in it means to exist, so disappearing from it means to have ceased; of the others only what they told is
    withdrawn. Registers and the tax data make an organisation; who counts staff or asks people only tells of one.
    first: which of several records of one organisation counts (an ORDER BY);
    named: how column sources calls it, where that is not its name here. -#}
{% macro organisation_sources() -%}
    {{ return({
        'ytj': {'claims': 'enr_ytj_companies', 'datasets': ['ytj.companies', 'ytj.companies_search'], 'is_register': true},
        'ytj_extract': {'claims': 'enr_ytj_extract_companies', 'datasets': ['ytj_extract.companies'], 'is_register': true},
        'yrtti': {
            'claims': 'enr_yrtti_bodies', 'datasets': ['associations.associations', 'foundations.foundations'],
            'is_register': true, 'first': 'claim.status, claim.record_id', 'named': 'yrtti.source_name',
        },
        'ptv': {
            'claims': 'enr_ptv_bodies', 'datasets': ['ptv.organisations'], 'is_register': true, 'first': 'span.is_gone, claim.record_id',
        },
        'vero': {
            'claims': 'enr_vero_taxpayers', 'datasets': ['vero.corporate_tax'], 'is_register': false,
            'first': 'claim.taxed_income_year desc',
        },
        'statfi': {
            'claims': 'enr_statfi_staff', 'datasets': ['statfi_business.staff_bands'], 'is_register': false,
            'named': "'statfi_business'",
        },
        'survey': {
            'claims': 'enr_survey_organisations', 'datasets': ['survey.cases'], 'is_register': false,
            'first': 'claim.invited_on desc nulls last, span.valid_from desc, claim.record_id desc',
        },
    }) }}
{%- endmacro %}

{#- Fields of the claims that a correction may outrank: what the mart calls municipality_code the claims call domicile_code. -#}
{% macro correctable_claims() -%}
    {%- set fields = [] -%}
    {%- for field in var('correctable') -%}
        {%- do fields.append('domicile_code' if field == 'municipality_code' else field) -%}
    {%- endfor -%}
    {{ return(fields) }}
{%- endmacro %}

{#- What a field is made of: a correction, else the first source in var survivorship that tells it. -#}
{% macro surviving(field) -%}
    {%- set told -%}
    coalesce({% for source in var('survivorship')[field] %}{{ source }}.{{ field }}{{ ', ' if not loop.last }}{% endfor %})
    {%- endset -%}
    {%- if field in correctable_claims() -%}
    if(corrections.{{ field }} is not null, corrections.{{ field }}.value, {{ told }})
    {%- else -%}
    {{ told }}
    {%- endif -%}
{%- endmacro %}

{#- Which source that was. -#}
{% macro survivor(field) -%}
    case
        {%- if field in correctable_claims() %} when corrections.{{ field }} is not null then 'correction'{% endif %}
        {%- for source in var('survivorship')[field] %} when {{ source }}.{{ field }} is not null then '{{ source }}'{% endfor %}
    end
{%- endmacro %}

{#- Which sources told something else, best first: whose word did not count. -#}
{% macro outweighed(field) -%}
    {%- set sources = var('survivorship')[field] -%}
    {%- if sources | length == 1 and field not in correctable_claims() -%}
    []::varchar[]
    {%- else -%}
    list_filter(
        [
            {%- for source in sources %}
            if({{ source }}.{{ field }} <> {{ surviving(field) }}, '{{ source }}', null){{ ',' if not loop.last }}
            {%- endfor %}
        ], lambda source: source is not null
    )
    {%- endif -%}
{%- endmacro %}
