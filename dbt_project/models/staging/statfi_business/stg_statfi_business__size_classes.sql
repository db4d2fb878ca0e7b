with source as (

    select * from {{ source('statfi_business', 'size_classes') }}

),

renamed as (

    select
        -- keys
        _key as business_id,
        _load_id as load_id,
        _as_of as as_of,
        _op as op,

        -- what it says
        name,
        industry_code as industry_division_code,
        replace(sector_code, '.', '') as sector_code,
        size_code,
        case size_code when '1' then 'micro' when '2' then 'small' when '3' then 'medium' when '4' then 'large' end as size
    from source

)

select * from renamed
