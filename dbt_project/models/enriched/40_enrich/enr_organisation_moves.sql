-- How long organisations stayed at an address, as registers tell it by the day: time at risk and moves, by class of size and
-- industry. Organisations that had ceased are not watched.
with watched as (

    select
        history.business_id,
        history.staff_band,
        history.industry_section,
        coalesce(history.valid_to, now.today) - history.valid_from as days,
        list_contains(history.changed_fields, 'visiting_street') or list_contains(history.changed_fields, 'postal_street') as has_moved
    from {{ ref('organisation_history') }} as history
    cross join {{ ref('enr_today') }} as now
    where history.status <> 'ceased' and history.postal_lines <> []

)

select
    staff_band,
    industry_section,
    false as is_failed,
    sum(days)::double as days,
    1::double as times
from watched
group by staff_band, industry_section
having sum(days) > 0

union all by name

select
    staff_band,
    industry_section,
    true as is_failed,
    0::double as days,
    count(*)::double as times
from watched
where has_moved
group by staff_band, industry_section
