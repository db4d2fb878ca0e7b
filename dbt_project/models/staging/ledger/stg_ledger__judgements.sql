with source as (

    select * from {{ source('ledger', 'judgements') }}

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
    from source

)

select * from renamed
