with source as (

    select * from {{ source('survey', 'cases') }}

),

renamed as (

    select
        -- keys
        _key as case_id,
        _load_id as load_id,
        _as_of as as_of,
        _op as op,

        -- case
        wave_id,
        business_id,
        organisation_name as organisation_name_told,
        staff_told,
        language as language_code,
        invited_on
    from source

)

select * from renamed
