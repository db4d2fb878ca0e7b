{{ config(tags=['gates']) }}

-- Who waits for a person's decision (kohde objection review): somebody with an objector's name whom nothing tells apart from them.
select distinct
    lookalikes.objection_id,
    lookalikes.person_id,
    candidates.business_id,
    lookalikes.why
from {{ ref('enr_lookalikes') }} as lookalikes
inner join {{ ref('enr_gate_candidates') }} as candidates on lookalikes.person_id = candidates.person_id
