with source as (

    select * from {{ source('ledger', 'notices') }}

),

newest as (

    -- Current state: the last word on each key, unless that is that it is gone.
    select *
    from source
    qualify row_number() over (partition by _key order by _load_id desc) = 1

),

renamed as (

    select
        -- keys
        notice_id,
        _load_id as load_id,

        -- what
        person_id,
        sent_on,
        channel,
        language,
        exception_class
    from newest
    where _op <> 'D'

)

select * from renamed
