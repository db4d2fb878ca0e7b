{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='load_id') }}

-- A company of the open register as an organisation of ours: one row per company and load, nested lists gone. A table, since
-- taking the lists apart is most of a build's work and what has been told stays told.
with companies as (

    select * from {{ ref('stg_ytj__companies') }}
    where {{ landed_since_last_build('ytj.companies') }}
    union all by name
    select * from {{ ref('stg_ytj__companies_search') }}
    where {{ landed_since_last_build('ytj.companies_search') }}

),

parted as (

    select
        *,
        {%- for kind in ['visiting', 'postal'] %}
        {{ street_line(kind ~ '_address') }} as {{ kind }}_street,
        {{ text(kind ~ '_address.postOfficeBox') }} as {{ kind }}_box,
        {{ text(kind ~ '_address.postCode') }} as {{ kind }}_postcode,
        {{ town(kind ~ '_address', '1') }} as {{ kind }}_town_fi,
        {{ town(kind ~ '_address', '2') }} as {{ kind }}_town_sv,
        {{ municipality(kind ~ '_address') }} as {{ kind }}_municipality_code,
        {{ free_address_lines(kind ~ '_address') }} as {{ kind }}_foreign_lines,
        {{ text(kind ~ '_address.country') }} as {{ kind }}_country{{ ',' if not loop.last }}
        {%- endfor %}
    from companies

)

select
    business_id as record_id,
    business_id,
    load_id,
    as_of,
    op,
    {{ text(current_of("list_filter(names, lambda x: x.type = '1')", 'name')) }} as name,
    coalesce(list_sort(list_distinct(list_filter(
        list_transform({{ in_force('names', "x.type in ('2', '3', '4')") }}, lambda x: {{ text('x.name') }}),
        lambda name: name is not null
    ))), []) as trade_names,
    {{ current_of('company_forms', 'type') }} as legal_form_code,
    case
        when ended_on is not null or trade_register_status in ('2', '4') or business_id_status = '5' then 'ceased'
        when {{ any_in_force('company_situations', "x.type = 'KONK'") }} then 'bankruptcy'
        when {{ any_in_force('company_situations', "x.type = 'SELTILA'") }} then 'liquidation'
        when {{ any_in_force('company_situations', "x.type = 'SANE'") }} then 'restructuring'
        when trade_register_status in ('0', '3') or business_id_status = '1' then 'pending'
        else 'active'
    end as status,
    if(industry_code_told is null, null, struct_pack(code := industry_code_told, code_set := industry_code_set)) as industry,
    {{ told_address('visiting') }} as visiting,
    {{ told_address('postal') }} as postal,
    {{ text("regexp_replace(lower(website), '^[a-z]+://', '')") }} as website,
    {{ any_in_force('registered_entries', "x.register = '7' and x.type in ('41', '42')") }} as is_employer,
    {{ any_in_force(
        'registered_entries',
        "x.register = '6' and x.type in ('80', '82', '83', '84', '85', '86', '87', '88', 'P84', 'V80')"
    ) }} as is_vat_registered,
    {{ any_in_force('registered_entries', "x.register = '5' and x.type = '55'") }} as is_prepayment_registered,
    coalesce(registered_on, business_id_given_on) as registered_on,
    ended_on
from parted
