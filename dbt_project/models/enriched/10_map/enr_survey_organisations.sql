-- What firms said of themselves when asked: how many work there, and the language they are served in.
select
    cases.case_id as record_id,
    cases.business_id,
    cases.load_id,
    cases.as_of,
    cases.op,
    cases.invited_on,
    bands.band_code as staff_band,
    cases.language_code as language
from {{ ref('stg_survey__cases') }} as cases
left join {{ ref('staff_bands') }} as bands
    on
        try_cast(regexp_extract(cases.staff_told, '^\s*([0-9]{1,6})\s*$', 1) as integer)
        between bands.min_staff and coalesce(bands.max_staff, 9999999)
