with source as (

    select * from {{ source('survey', 'decision_makers') }}

),

renamed as (

    select
        -- keys
        _key as report_id,
        _load_id as load_id,
        _as_of as as_of,
        _op as op,

        -- case
        case_id,
        wave_id,
        business_id,
        disposition as disposition_code,
        reported_at,
        is_self_report,

        -- person
        first_name,
        last_name,
        name,
        title,
        area_codes,
        areas_told,
        language as language_code,

        -- contact points
        email,
        email_kind,
        email_more,
        email_told,
        phone_e164,
        phone_kind,
        phone_told,

        -- workplace
        {{ without_care_of('visiting_street') }} as visiting_street,
        visiting_postcode,
        visiting_town,
        {{ without_care_of('postal_street') }} as postal_street,
        postal_postcode,
        postal_town,

        -- rights
        has_consent,
        consent_on,
        notice_on,
        has_objected,

        -- quality
        flags
    from source

)

select * from renamed
