with source as (

    select * from {{ source('prh_officers', 'officers') }}

),

renamed as (

    select
        -- keys
        _key as place_id,
        _load_id as load_id,
        _as_of as as_of,
        _op as op,

        -- place
        business_id,
        organ_code,
        role_code,
        started_on,
        ended_on,
        -- An end before its start proves one of them wrong: such a place is never taken for a current one.
        contains(coalesce(flags, ''), 'interval_inverted') as has_inverted_interval,

        -- person
        person_key,
        person_id,
        last_name,
        first_names,
        birth_date,
        nationality as nationality_code,
        country as country_code,
        person_id is null and first_names is null and birth_date is null as is_firm
    from source

)

select * from renamed
