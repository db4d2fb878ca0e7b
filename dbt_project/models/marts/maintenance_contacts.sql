{{ config(tags=['gates']) }}

-- What keeps a customer's register true. Whoever objects is there, without what they could be reached by, so that the customer learns of
-- it; whoever is erased, protected or restricted (nothing more is done with their data, GDPR art. 18) is not.
with restricted as (

    select distinct hits.candidate_id
    from {{ ref('enr_gate_hits') }} as hits
    inner join {{ ref('enr_objections') }} as objections on hits.objection_id = objections.objection_id
    where objections.kind = 'restriction'

),

judged as (

    select
        verdicts.*,
        verdicts.is_past_objection_person is not true
        or verdicts.is_past_objection_organisation is not true
        or verdicts.is_past_objection_channel is not true
        or verdicts.is_past_external_list is not true
        or verdicts.is_past_review is not true as is_forbidden
    from {{ ref('enr_gate_verdicts') }} as verdicts
    anti join restricted on verdicts.candidate_id = restricted.candidate_id
    where verdicts.is_past_safety and verdicts.is_past_erased and verdicts.is_past_role_excluded and verdicts.is_past_stale

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
