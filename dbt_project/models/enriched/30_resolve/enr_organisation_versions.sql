-- One row per organisation and day on which anything was told of it: codes made ours, places resolved, fields final.
-- A row of op D says only that the organisation disappeared; what was known of it is filled in by organisation_history.
with claims as (

    select * from {{ ref('enr_organisation_claims') }}
    -- Two loads of one day: the later one is what is true of that day.
    qualify row_number() over (partition by business_id, as_of order by load_id desc) = 1

),

placed as (

    select
        claims.*,
        municipalities.region_code,
        municipalities.wellbeing_county_code,
        coalesce(municipalities.language_code in ('sv', 'sv_fi'), false) as is_swedish_first,
        forms.letters as legal_form_letters,
        coalesce(forms.legal_form_group, 'other') as legal_form_group,
        case
            when claims.industry_code_set = 'TOIMI4' then claims.industry_code_told
            else equivalents.code_2025
        end as industry_code,
        case
            when claims.industry_code_set = 'TOIMI4' then 'registry'
            else equivalents.code_source
        end as industry_code_source,
        coalesce(equivalents.codes_2008, []) as industry_2008_codes
    from claims
    left join {{ ref('municipalities') }} as municipalities on claims.municipality_code = municipalities.code
    left join {{ ref('legal_forms') }} as forms on claims.legal_form_code = forms.code
    left join {{ ref('enr_industry_equivalents') }} as equivalents
        on claims.industry_code_told = equivalents.code_told and claims.industry_code_set = equivalents.code_set

),

towns as (

    select
        *,
        if(is_swedish_first, coalesce(visiting_town_sv, visiting_town_fi), coalesce(visiting_town_fi, visiting_town_sv)) as visiting_town,
        if(is_swedish_first, coalesce(postal_town_sv, postal_town_fi), coalesce(postal_town_fi, postal_town_sv)) as postal_town
    from placed

),

envelopes as (

    select
        *,
        -- Mail goes to the postal address, to the visiting address where there is none.
        if(coalesce(postal_street, postal_postcode) is not null,
            [name, postal_street, nullif(concat_ws(' ', postal_postcode, postal_town), '')],
            [name, visiting_street, nullif(concat_ws(' ', visiting_postcode, visiting_town), '')]
        ) as envelope
    from towns

)

select
    envelopes.business_id,
    envelopes.load_id,
    envelopes.as_of,
    envelopes.op,
    envelopes.name,
    envelopes.trade_names,
    envelopes.legal_form_code,
    envelopes.legal_form_letters,
    envelopes.legal_form_group,
    envelopes.status,
    envelopes.industry_code,
    envelopes.industry_code_source,
    industries.section_code as industry_section,
    envelopes.industry_2008_codes,
    envelopes.municipality_code,
    envelopes.municipality_source,
    envelopes.region_code,
    envelopes.wellbeing_county_code,
    envelopes.visiting_street,
    envelopes.visiting_postcode,
    envelopes.visiting_town,
    envelopes.postal_street,
    envelopes.postal_postcode,
    envelopes.postal_town,
    envelopes.postal_country,
    if(len(list_filter(envelopes.envelope, lambda line: line is not null)) > 1,
        list_filter(envelopes.envelope, lambda line: line is not null), []) as postal_lines,
    -- The register has none of these (SAW); the survey, PTV and a contract extract will.
    null::varchar as phone,
    null::varchar as email,
    envelopes.website,
    null::varchar as language,
    null::varchar as staff_band,
    null::varchar as staff_band_source,
    envelopes.is_employer,
    envelopes.is_vat_registered,
    envelopes.is_prepayment_registered,
    null::integer as taxed_income_year,
    null::decimal(18, 2) as taxed_income_eur,
    envelopes.registered_on,
    envelopes.ended_on,
    envelopes.legal_form_group <> 'housing' and envelopes.status not in ('bankruptcy', 'liquidation', 'ceased') as is_marketing_target,
    envelopes.sources
from envelopes
left join {{ ref('industries') }} as industries on envelopes.industry_code = industries.code
