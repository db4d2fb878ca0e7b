-- What the public tax data says of a corporation and a year; two in five of its ids are in no open register.
select
    concat_ws(' ', business_id, tax_year) as record_id,
    business_id,
    load_id,
    as_of,
    op,
    name,
    -- Abroad, unknown or no municipality at all.
    if(municipality_code in ('198', '199', '200'), null, municipality_code) as taxed_in_code,
    'active' as status,
    tax_year as taxed_income_year,
    taxable_income_eur as taxed_income_eur
from {{ ref('stg_vero__corporate_tax') }}
