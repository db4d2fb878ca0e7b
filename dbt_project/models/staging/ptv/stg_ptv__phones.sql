with source as (

    select * from {{ source('ptv', 'organisations') }}

),

told as (

    select
        _key as organisation_id,
        _load_id as load_id,
        _as_of as as_of,
        unnest(phoneNumbers) as number_told
    from source

),

renamed as (

    select
        organisation_id,
        load_id,
        as_of,
        number_told.e164 as phone,
        concat_ws(' ', {{ text('number_told.prefixNumber') }}, {{ text('number_told.number') }}) as phone_told,
        number_told.kind as phone_kind,
        -- The v9 shape knows no type; what it calls a phone number is one.
        coalesce(number_told.type, 'Phone') as service_type,
        {{ text('number_told.additionalInformation') }} as label,
        {{ text('number_told.serviceChargeType') }} as charge_type,
        coalesce(number_told.isFinnishServiceNumber, false) as is_service_number,
        number_told.language as language_code
    from told

),

-- The same switchboard stands there once for each language.
once as (

    select
        organisation_id,
        load_id,
        any_value(as_of) as as_of,
        phone,
        min(phone_told) as phone_told,
        any_value(phone_kind) as phone_kind,
        service_type,
        arg_min(label, case language_code when 'fi' then 1 when 'sv' then 2 else 3 end) as label,
        arg_min(charge_type, case language_code when 'fi' then 1 when 'sv' then 2 else 3 end) as charge_type,
        bool_or(is_service_number) as is_service_number,
        list_sort(list(distinct language_code)) as language_codes
    from renamed
    where phone_told <> ''
    group by organisation_id, load_id, phone, if(phone is null, phone_told, null), service_type

)

select * from once
