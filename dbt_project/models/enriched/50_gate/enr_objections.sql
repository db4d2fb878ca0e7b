-- Objections that stand, with the gate each closes. Who has said that they object need not wait for a day: what was received counts. A
-- survey is no marketing (is_standing); what forbids one recipient only is left to the delivery to that recipient.
select
    objection_id,
    kind,
    scope,
    channel,
    recipient_id,
    received_at,
    {{ gate_of_objection('objections') }} as gate,
    recipient_id is null and (kind <> 'objection' or purpose in ('marketing', 'profiling', 'all')) as is_standing
from {{ ref('stg_ledger__objections') }} as objections
where revoked_at is null
