with source as (

    select * from {{ source('ytj_extract', 'companies') }}

),

renamed as (

    select
        -- keys
        business_id,
        _load_id as load_id,
        _as_of as as_of,
        _op as op,

        -- name and form
        name,
        name_since,
        legal_form_code,
        municipality_code as domicile_code,
        industry_code,
        case language_code when '1' then 'fi' when '2' then 'sv' end as language_code,

        -- states
        business_id_status,
        company_status,
        is_bankrupt,
        is_in_reorganisation,
        is_in_liquidation,
        is_interrupted,
        is_in_prepayment_register,

        -- addresses
        {{ without_care_of("concat_ws(' ', street_address.street, street_address.building, street_address.entrance, street_address.apartment)") }} as visiting_street,
        street_address.postcode as visiting_postcode,
        street_address.town as visiting_town,
        {{ without_care_of("concat_ws(' ', postal_address.street, postal_address.building, postal_address.entrance, postal_address.apartment)") }} as postal_street,
        postal_address.po_box as postal_box,
        postal_address.postcode as postal_postcode,
        postal_address.town as postal_town
    from source

)

select * from renamed
