with source as (

    select * from {{ source('prh_notices', 'code_lists') }}

),

renamed as (

    select
        code_set,
        code,
        language as language_code,
        description as name,
        _load_id as load_id,
        _as_of as as_of,
        _op as op
    from source

)

select * from renamed
