with source as (

    select * from {{ source('ledger', 'corrections') }}

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
    from source

)

select * from renamed
