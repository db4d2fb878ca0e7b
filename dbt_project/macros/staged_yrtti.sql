{#- The Yrtti record, renamed: associations and foundations are sent in one shape, so they are staged by one text. -#}
{% macro staged_yrtti(relation) -%}
with source as (

    select * from {{ relation }}

),

renamed as (

    select
        -- keys
        _key as registration_number,
        _load_id as load_id,
        _as_of as as_of,
        _op as op,
        business_id,

        -- names
        name,
        names,

        -- place: the loader lets pass only what has the form of a street
        municipality_code as domicile_code,
        {{ without_care_of('street') }} as postal_street,
        postcode as postal_postcode,
        town as postal_town,

        -- contacts
        email_told,
        email,
        email_kind,
        phone_told,
        phone_e164 as phone,
        phone_kind,

        -- register
        registered_on,
        status_code,
        purpose_class as purpose_class_code
    from source

)

select * from renamed
{%- endmacro %}
