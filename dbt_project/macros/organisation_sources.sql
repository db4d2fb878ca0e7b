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

{#- What a field is made of: the first source in var survivorship that tells it. Null for a source that has no such column. -#}
{% macro surviving(field) -%}
    coalesce({% for source in var('survivorship')[field] %}{{ source }}.{{ field }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{#- Which source that was. -#}
{% macro survivor(field) -%}
    case {% for source in var('survivorship')[field] %}when {{ source }}.{{ field }} is not null then '{{ source }}' {% endfor %}end
{%- endmacro %}
