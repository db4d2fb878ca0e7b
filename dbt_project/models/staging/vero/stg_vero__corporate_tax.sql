with source as (

    select * from {{ source('vero', 'corporate_tax') }}

),

renamed as (

    select
        -- keys
        business_id,
        tax_year,
        _load_id as load_id,
        _as_of as as_of,
        _op as op,

        -- who
        name,
        nullif(regexp_extract(municipality, '^([0-9]{3}) ', 1), '') as municipality_code,
        municipality as municipality_told,

        -- euros
        taxable_income_eur,
        taxes_eur,
        prepayments_eur,
        refund_eur,
        back_tax_eur
    from source

)

select * from renamed
