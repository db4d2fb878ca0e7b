{#- Inputs of unit tests, written as records: {case: record}, the case being the business id. What a record does not tell is
    null. Call it between raw tags: dbt renders a unit test's SQL, but without our macros when it reads the YAML. -#}
{% macro typed_rows(types, records) -%}
select
    told.*,
    business_id,
    'ytj-companies-20260102-001' as load_id,
    date '2026-01-02' as as_of,
    'I' as op
from (
    select
        business_id,
        from_json(record, '{{ tojson(types) }}') as told
    from (values
        {%- for case, record in records.items() %}
        ('{{ case }}', '{{ tojson(record) | replace("'", "''") }}'){{ ',' if not loop.last }}
        {%- endfor %}
    ) as cases (business_id, record)
) as parsed
{%- endmacro %}

{#- Rows of stg_ytj__companies. -#}
{% macro told_companies(records) -%}
{%- set address = dict(
    dict.fromkeys(['street', 'postCode', 'postOfficeBox', 'buildingNumber', 'entrance', 'apartmentNumber', 'apartmentIdSuffix', 'country',
    'freeAddressLine'], 'VARCHAR'), postOffices=[dict.fromkeys(['city', 'languageCode', 'municipalityCode'], 'VARCHAR')]
) -%}
{{ typed_rows({
    'names': [{'name': 'VARCHAR', 'type': 'VARCHAR', 'endDate': 'VARCHAR', 'version': 'INTEGER'}],
    'company_forms': [{'type': 'VARCHAR', 'endDate': 'VARCHAR', 'version': 'INTEGER'}],
    'company_situations': [{'type': 'VARCHAR', 'endDate': 'VARCHAR'}],
    'registered_entries': [{'type': 'VARCHAR', 'register': 'VARCHAR', 'endDate': 'VARCHAR'}],
    'industry_code_told': 'VARCHAR', 'industry_code_set': 'VARCHAR', 'trade_register_status': 'VARCHAR', 'business_id_status': 'VARCHAR',
    'visiting_address': address, 'postal_address': address, 'website': 'VARCHAR',
    'registered_on': 'DATE', 'business_id_given_on': 'DATE', 'ended_on': 'DATE',
}, records) }}
{%- endmacro %}

{#- The type of an address as one value (told_address). -#}
{% macro address_type() -%}
    {{ return(dict(
        dict.fromkeys(['street', 'box', 'postcode', 'town_fi', 'town_sv', 'municipality_code', 'country'], 'VARCHAR'),
        foreign_lines=['VARCHAR']
    )) }}
{%- endmacro %}

{#- Rows of enr_organisation_survivors; an active company in a register unless told otherwise. -#}
{% macro claimed_organisations(records) -%}
{%- set texts = [
    'name', 'legal_form_code', 'status', 'domicile_code', 'taxed_in_code', 'phone', 'email', 'website', 'language', 'staff_band',
    'staff_band_teller', 'domicile_code_teller',
] -%}
{%- set types = dict(
    dict.fromkeys(texts, 'VARCHAR'),
    **dict(
        dict.fromkeys(['is_registered', 'is_known', 'is_employer', 'is_vat_registered', 'is_prepayment_registered'], 'BOOLEAN'),
        industry={'code': 'VARCHAR', 'code_set': 'VARCHAR'}, visiting=address_type(), postal=address_type(),
        trade_names=['VARCHAR'], sources=['VARCHAR'], taxed_income_year='INTEGER', taxed_income_eur='DECIMAL(18,2)',
        registered_on='DATE', ended_on='DATE'
    )
) -%}
{%- set filled = {} -%}
{%- for case, record in records.items() -%}
    {%- do filled.update({case: dict(
        {'name': 'Oy X Ab', 'status': 'active', 'legal_form_code': '16', 'is_registered': true, 'is_known': true}, **record
    )}) -%}
{%- endfor -%}
{{ typed_rows(types, filled) }}
{%- endmacro %}
