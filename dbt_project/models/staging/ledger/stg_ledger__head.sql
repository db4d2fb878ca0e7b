with source as (

    select * from {{ source('ledger', 'heads') }}

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
        ledger,
        _load_id as load_id,

        -- what
        seq,
        version,
        key_version
    from newest
    where _op <> 'D'

)

select * from renamed
