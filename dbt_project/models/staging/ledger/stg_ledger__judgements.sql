with source as (

    select * from {{ source('ledger', 'judgements') }}

),

newest as (

    -- Current state: a decision whose text was erased is gone.
    select *
    from source
    qualify row_number() over (partition by _key order by _load_id desc) = 1

),

renamed as (

    select
        judgement_id,
        _load_id as load_id,
        _as_of as as_of,

        -- decision
        mention_a,
        mention_b,
        verdict,
        by_whom,
        judged_at,
        reason
    from newest
    where _op <> 'D'

)

select * from renamed
