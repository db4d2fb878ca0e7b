{{ config(tags=['gates']) }}

-- What may be used for direct marketing: candidates that are proven to have passed every standing gate.
select
    person_id,
    business_id,
    channel,
    value,
    subject_kind,
    legal_form_group,
    area_codes,
    first_name,
    last_name,
    title,
    language,
    verified_on,
    passed_gates,
    suppression_version
from {{ ref('enr_gate_verdicts') }}
where gate is null
