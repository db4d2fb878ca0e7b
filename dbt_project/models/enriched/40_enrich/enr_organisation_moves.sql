-- How long organisations stayed at an address, as registers tell it by the day: from which day to which how many did, how many had
-- just moved in, by class of size and industry. Organisations that had ceased are not watched.
select
    history.staff_band,
    history.industry_section,
    history.valid_from as from_day,
    coalesce(history.valid_to, now.today) as to_day,
    count(*) as times,
    count(*) filter (
        where list_contains(history.changed_fields, 'visiting_street') or list_contains(history.changed_fields, 'postal_street')
    ) as moved_in
from {{ ref('organisation_history') }} as history
cross join {{ ref('enr_today') }} as now
where history.status <> 'ceased' and history.postal_lines <> []
group by all
