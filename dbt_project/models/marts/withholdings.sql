{{ config(post_hook="{{ create_withheld_as_of() }}") }}

-- How many people were withheld, since when and until when, by what they asked for. A look back shows who is known today: of those
-- who have gone there is a count, never a row.
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
