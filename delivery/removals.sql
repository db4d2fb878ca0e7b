-- Why a row that a recipient has is no longer in the group. What is nobody's business (objections, notices, lists, erasure) has one
-- reason between them.
with gates as (

    select
        gone.row_id,
        bool_or(contacts.channel is not null) as is_reachable,
        bool_or(audit.gate = 'STALE') as is_stale,
        bool_or(audit.gate = 'ORGANISATION_STATUS') as is_closed,
        bool_or(audit.gate not in ('STALE', 'ORGANISATION_STATUS', 'ROLE_EXCLUDED')) as is_withheld
    from gone
    left join registry.marketing_contacts as contacts
        on gone.person_id is not distinct from contacts.person_id and gone.business_id = contacts.business_id
    left join registry.gate_audit as audit
        on gone.person_id is not distinct from audit.person_id and gone.business_id = audit.business_id
    group by gone.row_id

),

departed as (

    select distinct
        history.person_id,
        history.business_id
    from registry.decision_maker_history as history
    where history.valid_to is not null

)

select
    gone.row_id,
    case
        when firms.business_id is null or firms.status = 'ceased' then 'lakannut'
        when gates.is_withheld then 'ei_enaa_luovutettavissa'
        when gates.is_closed then 'ei_enaa_kriteereissa'
        when gates.is_stale then 'vanhentunut'
        when gates.is_reachable then 'ei_enaa_kriteereissa'
        when departed.person_id is not null then 'lahtenyt'
        else 'ei_enaa_luovutettavissa'
    end as removal_reason
from gone
inner join gates on gone.row_id = gates.row_id
left join registry.organisations as firms on gone.business_id = firms.business_id
left join departed on gone.person_id = departed.person_id and gone.business_id = departed.business_id
