{#- The Company record of the register, renamed. The bulk and the search send the same shape, so they are staged by one text. -#}
{% macro staged_companies(relation) -%}
with source as (

    select * from {{ relation }}

),

renamed as (

    select
        -- keys
        _key as business_id,
        _load_id as load_id,
        _as_of as as_of,
        _op as op,
        _position as position_in_file,

        -- names and form
        names,
        companyForms as company_forms,
        companySituations as company_situations,

        -- industry
        mainBusinessLine."type" as industry_code_told,
        mainBusinessLine.typeCodeSet as industry_code_set,

        -- registers and states
        registeredEntries as registered_entries,
        tradeRegisterStatus as trade_register_status,
        status as business_id_status,

        -- addresses: at most one of a kind
        list_filter(addresses, lambda x: x.type = 1)[1] as visiting_address,
        list_filter(addresses, lambda x: x.type = 2)[1] as postal_address,
        {{ text('website.url') }} as website,

        -- dates
        {{ day('businessId.registrationDate') }} as business_id_given_on,
        {{ day('registrationDate') }} as registered_on,
        {{ day('endDate') }} as ended_on,
        try_cast(lastModified as timestamp) as modified_at,

        -- fields of the record no fact sheet knows yet
        _extra as unknown_fields

    from source

)

select * from renamed
{%- endmacro %}
