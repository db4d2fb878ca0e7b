with source as (

    select * from {{ source('prh_notices', 'notices') }}

),

renamed as (

    select
        -- keys
        businessId as business_id,
        {{ day('registrationDate') }} as registered_on,
        recordNumber as record_number,
        _load_id as load_id,
        _as_of as as_of,
        _op as op,

        -- what was entered
        typeOfRegistration as notice_type_code,
        entryCodes as entry_codes,
        coalesce(list_contains(entryCodes, 'TOIM'), false) as has_managing_director_change,
        coalesce(list_contains(entryCodes, 'HAL'), false) as has_board_change,

        -- fields of the record no fact sheet knows yet
        _extra as unknown_fields

    from source

)

select * from renamed
