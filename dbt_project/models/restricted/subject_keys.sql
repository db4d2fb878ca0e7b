-- Whom a key hits, for whoever takes an objection and answers what it did. Keys say nothing to who has no secret.
select
    person_id,
    business_id,
    kind,
    key,
    holders
from {{ ref('enr_subject_keys') }}
