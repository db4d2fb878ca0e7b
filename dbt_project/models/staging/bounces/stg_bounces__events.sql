with source as (

    select * from {{ source('bounces', 'events') }}

),

renamed as (

    select
        -- keys
        _key as event_id,
        _load_id as load_id,
        _as_of as as_of,
        _op as op,

        -- what
        disposition as disposition_code,
        disposition = 'OPT' as is_objection,
        disposition in ('EBH', 'BAD') as is_invalid,
        disposition = 'GON' or says_left as is_left_told,
        smtp_code,
        occurred_at,
        returns_on,

        -- where
        contact_kind,
        contact,
        business_id,
        customer_id,
        delivery_id,

        -- quality
        flags
    from source

)

select * from renamed
