-- Size class of personnel by Statistics Finland; "unknown" tells nothing.
select
    business_id as record_id,
    business_id,
    load_id,
    as_of,
    op,
    nullif(band_code, 'unknown') as staff_band
from {{ ref('stg_statfi_business__staff_bands') }}
