-- What registers tell now, and of positions that no register holds surveys; a role that ended is told with its end, one that has
-- gone from the register is in the history only.
with last_full_load as (

    select max(as_of) as as_of
    from {{ ref('stg_lake__manifests') }}
    where source_name = 'prh_officers' and dataset_name = 'officers' and verdict = 'accepted' and mode = 'full'

)

select
    history.role_id,
    history.person_id,
    history.business_id,
    history.first_name,
    history.last_name,
    history.role_code,
    history.role_name_fi,
    history.role_name_sv,
    history.role_name_en,
    history.listing_basis,
    history.is_decision_maker,
    history.started_on,
    history.ended_on,
    history.first_seen_on,
    coalesce(positions.last_seen_on, greatest(history.valid_from, last_full_load.as_of)) as last_seen_on,
    history.source_name,
    history.load_id
from {{ ref('responsible_person_history') }} as history
cross join last_full_load
left join {{ ref('enr_positions') }} as positions on history.role_id = positions.role_id
where history.valid_to is null
