{{ config(materialized='table', tags=['gates']) }}

-- Candidates that a ban list of others names, by contact point or by organisation.
with current_entries as (

    select *
    from {{ ref('stg_external_lists__entries') }}
    qualify row_number() over (partition by list_id, entry_id order by load_id desc) = 1

),

entries as (

    select
        list_id,
        kind,
        contact
    from current_entries
    where op <> 'D'

)

select
    candidates.candidate_id,
    min(entries.list_id) as list_id
from {{ ref('enr_gate_candidates') }} as candidates
inner join entries
    on
        entries.kind = 'email' and candidates.channel = 'email' and {{ normal_email_key('candidates.value') }} = entries.contact
        or entries.kind = 'phone' and candidates.channel = 'phone' and candidates.value = entries.contact
        or entries.kind = 'business_id' and candidates.business_id = entries.contact
group by candidates.candidate_id
