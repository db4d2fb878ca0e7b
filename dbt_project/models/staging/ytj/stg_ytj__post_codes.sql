with source as (

    select * from {{ source('ytj', 'post_codes') }}

),

renamed as (

    select
        postCode as postcode,
        city as town,
        languageCode as language_code,
        municipalityCode as municipality_code,
        active as is_active,
        _load_id as load_id,
        _as_of as as_of,
        _op as op
    from source

)

select * from renamed
