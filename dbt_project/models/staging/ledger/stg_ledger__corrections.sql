with source as (

    select * from {{ source('ledger', 'corrections') }}

),

newest as (

    -- Current state: a decision whose text was erased is gone.
    select *
    from source
    qualify row_number() over (partition by _key order by _load_id desc) = 1

),

renamed as (

    select
        correction_id,
        _load_id as load_id,
        _as_of as as_of,

        -- decision
        business_id,
        person_id,
        field as field_name,
        value,
        by_whom,
        reason,
        made_at
    from newest
    where _op <> 'D'

)

select * from renamed
