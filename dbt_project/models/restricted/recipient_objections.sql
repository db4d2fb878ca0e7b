{{ config(tags=['gates']) }}

-- Objections against disclosure to one recipient, on each candidate they hit: the delivery to that recipient leaves these out.
select
    hits.recipient_id,
    hits.objection_id,
    candidates.person_id,
    candidates.business_id,
    candidates.channel,
    hits.key_kind
from {{ ref('enr_gate_hits') }} as hits
inner join {{ ref('enr_gate_candidates') }} as candidates on hits.candidate_id = candidates.candidate_id
where hits.recipient_id is not null
