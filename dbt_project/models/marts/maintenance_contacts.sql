{{ config(tags=['gates']) }}

-- What keeps a customer's register true. Whoever objects is there, without what they could be reached by, so that the customer learns of
-- it; whoever is erased or protected is not.
with judged as (

    select
        *,
        is_past_objection_person is not true
        or is_past_objection_organisation is not true
        or is_past_objection_channel is not true
        or is_past_external_list is not true
        or is_past_review is not true as is_forbidden
    from {{ ref('enr_gate_verdicts') }}
    where is_past_safety and is_past_erased and is_past_role_excluded and is_past_stale

)

select
    person_id,
    business_id,
    channel,
    if(is_forbidden, null, value) as value,
    subject_kind,
    area_codes,
    first_name,
    last_name,
    title,
    language,
    verified_on,
    if(is_forbidden, 'kielto', null) as restriction,
    suppression_version
from judged
-- Telling a customer of a person is a disclosure too: not before the person has been told.
where is_forbidden or is_past_notice_due
