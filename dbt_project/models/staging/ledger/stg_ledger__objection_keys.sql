with source as (

    select * from {{ source('ledger', 'objection_keys') }}

),

newest as (

    -- Current state: the last word on each key, unless that is that it is gone.
    select *
    from source
    qualify row_number() over (partition by _key order by _load_id desc) = 1

),

renamed as (

    select
        -- keys
        objection_id,
        _load_id as load_id,

        -- of whom
        kind,
        key
    from newest
    where _op <> 'D'

)

select * from renamed
