with source as (

    select * from {{ source('survey', 'objections') }}

),

renamed as (

    select
        -- keys
        _key as objection_id,
        _load_id as load_id,
        _as_of as as_of,
        _op as op,

        -- what
        case_id,
        business_id,
        scope,
        purpose,
        objected_at,

        -- who
        first_name,
        last_name,
        name,
        email,
        phone_e164,
        email_told,
        phone_told
    from source

)

select * from renamed
