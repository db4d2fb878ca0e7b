with source as (

    select * from {{ source('ptv', 'organisations') }}

),

told as (

    select
        _key as organisation_id,
        _load_id as load_id,
        _as_of as as_of,
        unnest(emails) as email_entry
    from source

),

renamed as (

    select
        organisation_id,
        load_id,
        as_of,
        email_entry.kind = 'pattern' as is_pattern,
        -- What is a pattern is no address, whatever the landing made of it.
        if(is_pattern, null, email_entry.address) as email,
        {{ text('email_entry.value') }} as email_told,
        email_entry.kind as email_kind,
        email_entry.domain as email_domain,
        {{ text('email_entry.description') }} as label,
        email_entry.language as language_code
    from told

),

once as (

    select
        organisation_id,
        load_id,
        any_value(as_of) as as_of,
        email,
        min(email_told) as email_told,
        any_value(email_kind) as email_kind,
        bool_or(is_pattern) as is_pattern,
        any_value(email_domain) as email_domain,
        arg_min(label, case language_code when 'fi' then 1 when 'sv' then 2 else 3 end) as label,
        list_sort(list(distinct language_code)) as language_codes
    from renamed
    where email_told is not null
    group by organisation_id, load_id, email, if(email is null, email_told, null)

)

select * from once
