-- One row per organisation and day on which anything was told of it: codes made ours, places resolved, fields final. Where no
-- source knows it any longer (is_known is false) organisation_history fills in what was known.
with survivors as (

    select * from {{ ref('enr_organisation_survivors') }}

),

unpacked as (

    select
        *,
        industry.code as industry_code_told,
        industry.code_set as industry_code_set,
        {%- for kind in ['visiting', 'postal'] %}
        {%- for part in ['street', 'box', 'postcode', 'town_fi', 'town_sv', 'municipality_code', 'country', 'foreign_lines'] %}
        {{ kind }}.{{ part }} as {{ kind }}_{{ part }}{{ ',' if kind == 'visiting' or not loop.last }}
        {%- endfor %}
        {%- endfor %}
    from survivors

),

-- An address without a municipality lies in that of its post code.
located as (

    select
        unpacked.* replace (
            coalesce(unpacked.visiting_municipality_code, visiting_areas.municipality_code) as visiting_municipality_code,
            coalesce(unpacked.postal_municipality_code, postal_areas.municipality_code) as postal_municipality_code
        )
    from unpacked
    left join {{ ref('postal_codes') }} as visiting_areas on unpacked.visiting_postcode = visiting_areas.postcode
    left join {{ ref('postal_codes') }} as postal_areas on unpacked.postal_postcode = postal_areas.postcode

),

-- An address is written in the first language of its municipality.
written as (

    select
        located.*,
        -- The open data has no domicile (INFERRED rule: then the visiting address's municipality, else the postal one's, else
        -- that of taxation).
        coalesce(
            located.domicile_code, located.visiting_municipality_code, located.postal_municipality_code, located.taxed_in_code
        ) as municipality_code,
        case
            when located.domicile_code_teller = 'correction' then 'correction'
            when located.domicile_code is not null then 'domicile'
            when located.visiting_municipality_code is not null then 'visiting_address'
            when located.postal_municipality_code is not null then 'postal_address'
            when located.taxed_in_code is not null then 'taxation'
        end as municipality_source,
        {%- for kind in ['visiting', 'postal'] %}
        coalesce({{ kind }}_places.language_code in ('sv', 'sv_fi'), false) as is_{{ kind }}_swedish,
        if(is_{{ kind }}_swedish, 'PB ', 'PL ') || located.{{ kind }}_box as {{ kind }}_box_line,
        if(is_{{ kind }}_swedish, located.{{ kind }}_town_sv, located.{{ kind }}_town_fi) as {{ kind }}_town,
        nullif(array_to_string(located.{{ kind }}_foreign_lines, ', '), '') as {{ kind }}_foreign,
        {%- endfor %}
        coalesce(located.visiting_street, visiting_box_line, visiting_foreign) as visiting_line,
        coalesce(postal_box_line, located.postal_street, postal_foreign) as postal_line,
        -- Mail goes to the postal address, to the visiting address where there is none.
        if(coalesce(postal_line, located.postal_postcode) is not null, 'postal', 'visiting') as mail_goes_to
    from located
    left join {{ ref('municipalities') }} as visiting_places on located.visiting_municipality_code = visiting_places.code
    left join {{ ref('municipalities') }} as postal_places on located.postal_municipality_code = postal_places.code

),

enveloped as (

    select
        *,
        list_filter(
            case
                {%- for kind in ['postal', 'visiting'] %}
                when mail_goes_to = '{{ kind }}' then [name]
                    || if({{ kind }}_line = {{ kind }}_foreign, {{ kind }}_foreign_lines, [{{ kind }}_line])
                    || [nullif(concat_ws(' ', {{ kind }}_postcode, {{ kind }}_town), '')]
                {%- endfor %}
            end,
            lambda line: line is not null
        ) as envelope
    from written

)

select
    enveloped.business_id,
    enveloped.load_id,
    enveloped.as_of,
    enveloped.is_known,
    enveloped.name,
    coalesce(enveloped.trade_names, []) as trade_names,
    enveloped.legal_form_code,
    forms.letters as legal_form_letters,
    coalesce(forms.legal_form_group, 'other') as legal_form_group,
    enveloped.status,
    if(enveloped.industry_code_set = 'TOIMI4', enveloped.industry_code_told, equivalents.code_2025) as industry_code,
    if(enveloped.industry_code_set = 'TOIMI4', 'registry', equivalents.code_source) as industry_code_source,
    industries.section_code as industry_section,
    coalesce(
        equivalents.codes_2008, if(enveloped.industry_code_set = 'TOIMI3', [enveloped.industry_code_told], [])
    ) as industry_2008_codes,
    enveloped.municipality_code,
    enveloped.municipality_source,
    municipalities.region_code,
    municipalities.wellbeing_county_code,
    enveloped.visiting_line as visiting_street,
    enveloped.visiting_postcode,
    enveloped.visiting_town,
    enveloped.postal_line as postal_street,
    enveloped.postal_postcode,
    enveloped.postal_town,
    nullif(upper(if(mail_goes_to = 'postal', enveloped.postal_country, enveloped.visiting_country)), 'FI') as postal_country,
    if(len(enveloped.envelope) > 1, enveloped.envelope, []) as postal_lines,
    enveloped.phone,
    enveloped.email,
    enveloped.website,
    enveloped.language,
    enveloped.staff_band,
    case enveloped.staff_band_teller when 'statfi' then 'statistics' else enveloped.staff_band_teller end as staff_band_source,
    coalesce(enveloped.is_employer, false) as is_employer,
    coalesce(enveloped.is_vat_registered, false) as is_vat_registered,
    coalesce(enveloped.is_prepayment_registered, false) as is_prepayment_registered,
    enveloped.taxed_income_year,
    enveloped.taxed_income_eur,
    enveloped.registered_on,
    enveloped.ended_on,
    -- A form no list knows yet is nobody's reason to withhold; the receipt of its load warns of the code. Of what only the tax
    -- data knows nobody says that it still is, nor what it is.
    enveloped.is_registered and coalesce(forms.is_marketing_eligible and forms.legal_form_group <> 'housing', true)
    and enveloped.status not in ('bankruptcy', 'liquidation', 'ceased') as is_marketing_target,
    enveloped.sources
from enveloped
left join {{ ref('legal_forms') }} as forms on enveloped.legal_form_code = forms.code
left join {{ ref('municipalities') }} as municipalities on enveloped.municipality_code = municipalities.code
left join {{ ref('enr_industry_equivalents') }} as equivalents
    on enveloped.industry_code_told = equivalents.code_told and enveloped.industry_code_set = equivalents.code_set
left join {{ ref('industries') }} as industries
    on industries.code = if(enveloped.industry_code_set = 'TOIMI4', enveloped.industry_code_told, equivalents.code_2025)
