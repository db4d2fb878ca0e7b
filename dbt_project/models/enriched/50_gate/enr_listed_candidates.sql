{{ config(materialized='table', tags=['gates']) }}

-- Candidates that a ban list of others names, by contact point or by organisation.
with entries as (

    -- Of an entry that has gone from its list the last that is told is no contact.
    select
        list_id,
        contact
    from {{ ref('stg_external_lists__entries') }}
    qualify row_number() over (partition by list_id, entry_id order by load_id desc) = 1

),

-- An address, a number and a business id are never alike, so what kind of entry it is need not be asked.
contacts as (

    select
        candidate_id,
        unnest([business_id, value, {{ normal_email_key('value') }}]) as contact
    from {{ ref('enr_gate_candidates') }}

)

select
    contacts.candidate_id,
    min(entries.list_id) as list_id
from contacts
inner join entries on contacts.contact = entries.contact
group by contacts.candidate_id
