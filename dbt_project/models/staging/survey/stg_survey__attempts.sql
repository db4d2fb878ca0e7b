with source as (

    select * from {{ source('survey', 'attempts') }}

),

renamed as (

    select
        -- keys
        _key as attempt_id,
        _load_id as load_id,
        _as_of as as_of,
        _op as op,

        -- attempt
        case_id,
        attempted_at,
        attempt_no as attempt_number,
        disposition as disposition_code,
        appointment_at,
        duration_s as duration_seconds,
        interviewer_id
    from source

)

select * from renamed
