with source as (

    select * from {{ source('ptv', 'organisations') }}

),

renamed as (

    select
        -- keys
        _key as organisation_id,
        _load_id as load_id,
        _as_of as as_of,
        _op as op,
        {{ text('oid') }} as oid,
        parentOrganizationId as parent_organisation_id,
        organizationRootId as root_organisation_id,
        businessId as business_id,
        businessIdSource as business_id_source,

        -- names
        {{ ptv_name('fi') }} as name_fi,
        {{ ptv_name('sv') }} as name_sv,
        {{ ptv_name('en') }} as name_en,
        coalesce(name_fi, name_sv, name_en, {{ text('organizationNames[1].value') }}) as name,
        list_sort(list_distinct(list_transform(
            list_filter(organizationNames, lambda n: n.type = 'AlternativeName' and trim(n.value) <> ''),
            lambda n: trim(n.value)
        ))) as alternative_names,

        -- what and where
        organizationType as organisation_type_code,
        {{ text('municipality.code') }} as municipality_code,
        list_sort(list_distinct(list_filter(list_transform(webPages, lambda w: trim(w.url)), lambda url: url <> ''))) as websites,
        availableLanguages as language_codes,

        -- state
        publishingStatus as publishing_status,
        try_cast(nullif(modified, '') as timestamptz) as modified_at,

        -- fields of the record no fact sheet knows yet
        _extra as unknown_fields

    from source

)

select * from renamed
