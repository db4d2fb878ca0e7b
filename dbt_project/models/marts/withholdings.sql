-- depends_on: {{ ref('withheld_persons') }}
{{ config(tags=['gates'], post_hook="{{ create_withheld_as_of() }}") }}

-- How many objections of persons there are, since when and until when. Of whoever was erased nothing else is left.
with objections as (

    select * from {{ ref('stg_ledger__objections') }}
    where scope = 'person' and recipient_id is null

)

select
    kind,
    purpose,
    cast(effective_at as date) as from_on,
    cast(revoked_at as date) as until_on,
    cast(count(*) as bigint) as objections
from objections
group by all
