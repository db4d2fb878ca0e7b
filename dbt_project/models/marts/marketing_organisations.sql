{{ config(tags=['gates']) }}

-- Organisations that may be picked for marketing: targets that nobody has forbidden and that no objector stands in the name of. Without
-- contact points and streets: those are marketing_contacts, each past its gates. A sole trader is here as a person is, past all of them.
with forbidden as (

    select organisations.business_id
    from {{ ref('enr_objected_organisations') }} as organisations
    inner join {{ ref('enr_objections') }} as objections on organisations.objection_id = objections.objection_id
    where objections.is_standing

    union

    select business_id
    from {{ ref('enr_gate_verdicts') }}
    where person_id is null and gate in ('SAFETY', 'ERASED', 'OBJECTION_PERSON', 'OBJECTION_ORGANISATION', 'EXTERNAL_LIST')

),

cleared as (

    select distinct business_id
    from {{ ref('enr_gate_verdicts') }}
    where gate is null

)

select
    organisations.business_id,
    organisations.name,
    organisations.trade_names,
    organisations.legal_form_code,
    organisations.legal_form_letters,
    organisations.legal_form_group,
    organisations.status,
    organisations.industry_code,
    organisations.industry_section,
    organisations.industry_name_fi,
    organisations.industry_name_sv,
    organisations.industry_name_en,
    organisations.municipality_code,
    organisations.municipality_name_fi,
    organisations.municipality_name_sv,
    organisations.region_code,
    organisations.wellbeing_county_code,
    organisations.visiting_postcode,
    organisations.visiting_town,
    organisations.postal_postcode,
    organisations.postal_town,
    organisations.language,
    organisations.staff_band,
    organisations.is_employer,
    organisations.is_vat_registered,
    organisations.is_prepayment_registered,
    organisations.taxed_income_year,
    organisations.taxed_income_eur,
    organisations.registered_on,
    organisations.is_marketing_target,
    organisations.first_seen_on,
    organisations.last_changed_on
from {{ ref('organisations') }} as organisations
anti join forbidden on organisations.business_id = forbidden.business_id
left join cleared on organisations.business_id = cleared.business_id
where organisations.is_marketing_target and (organisations.legal_form_group <> 'sole_trader' or cleared.business_id is not null)
