with source as (

    select * from {{ source('statfi_business', 'staff_bands') }}

),

renamed as (

    select
        -- keys
        _key as business_id,
        _load_id as load_id,
        _as_of as as_of,
        _op as op,

        -- what it says
        band_code,
        band_told,
        period
    from source

)

select * from renamed
