with source as (

    select * from {{ source('ptv', 'organisations') }}

),

numbered as (

    select
        _key as organisation_id,
        _load_id as load_id,
        _as_of as as_of,
        unnest(addresses) as told,
        unnest(range(1, len(addresses) + 1)) as address_number
    from source

),

-- subType says which block holds the address; the others are null or, in v9, filled with examples.
chosen as (

    select
        *,
        if(told.subType = 'Street', told.streetAddress, null) as street,
        if(told.subType = 'PostOfficeBox', told.postOfficeBoxAddress, null) as box
    from numbered

),

renamed as (

    select
        organisation_id,
        load_id,
        as_of,
        address_number,
        lower(told.type) as address_kind,
        told.subType as address_type,

        -- lines; a "c/o" part names somebody and ends its line
        {{ without_care_of(in_language('street.street', 'fi')) }} as street_fi,
        {{ without_care_of(in_language('street.street', 'sv')) }} as street_sv,
        {{ text('street.streetNumber') }} as building_number,
        {{ in_language('box.postOfficeBox', 'fi') }} as box_fi,
        {{ in_language('box.postOfficeBox', 'sv') }} as box_sv,
        {{ text('coalesce(street.postalCode, box.postalCode)') }} as postcode,
        {{ in_language('coalesce(street.postOffice, box.postOffice)', 'fi') }} as town_fi,
        {{ in_language('coalesce(street.postOffice, box.postOffice)', 'sv') }} as town_sv,
        {{ text('coalesce(street.municipality.code, box.municipality.code)') }} as municipality_code,
        {{ text('told.country') }} as country_code,
        list_filter(
            list_transform(
                if(told.subType = 'Foreign', told.foreignAddress, []), lambda line: {{ without_care_of('line.value') }}
            ),
            lambda line: line is not null
        ) as foreign_lines,

        -- ETRS-TM35FIN (EPSG:3067), metres; texts in the source
        if(street.coordinateState = 'Ok', try_cast(street.latitude as double), null) as northing_m,
        if(street.coordinateState = 'Ok', try_cast(street.longitude as double), null) as easting_m
    from chosen

)

select * from renamed
