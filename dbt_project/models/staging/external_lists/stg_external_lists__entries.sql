with source as (

    {% for list in ['phone_ban', 'email_ban', 'organisation_ban'] %}
    select
        '{{ list }}' as list_id,
        *
    from {{ source('external_lists', list) }}
    {% if not loop.last %}union all by name{% endif %}
    {% endfor %}

),

renamed as (

    select
        -- keys
        list_id,
        _key as entry_id,
        _load_id as load_id,
        _as_of as as_of,
        _op as op,

        -- who is banned
        kind,
        value as contact
    from source

)

select * from renamed
