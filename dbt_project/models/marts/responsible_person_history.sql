-- Every state of every role that may reach marketing, by the days on which registers told it.
select
    held.role_id,
    persons.person_id,
    held.business_id,
    held.first_names as first_name,
    held.last_name,
    held.role_code,
    {{ role_names() }},
    held.listing_basis,
    held.decision_maker = 'yes'
    or (held.decision_maker = 'configurable' and {{ var('board_members_are_decision_makers') }}) as is_decision_maker,
    held.started_on,
    held.ended_on,
    held.first_seen_on,
    held.valid_from,
    held.valid_to,
    'prh_officers' as source_name,
    held.load_id
from {{ ref('enr_registered_roles') }} as held
inner join {{ ref('enr_person_of_mention') }} as persons on held.mention_id = persons.mention_id
{{ role_name_joins() }}
where held.schema_name = 'main' and not held.is_firm

union all by name

-- Positions that no register holds are as they are known now; nobody tells from when.
select
    held.role_id,
    held.person_id,
    held.business_id,
    held.first_name,
    held.last_name,
    held.role_code,
    {{ role_names() }},
    names.listing_basis,
    names.decision_maker = 'yes' as is_decision_maker,
    held.started_on,
    held.ended_on,
    held.first_seen_on,
    held.first_seen_on as valid_from,
    null::date as valid_to,
    'survey' as source_name,
    held.load_id
from {{ ref('enr_positions') }} as held
{{ role_name_joins() }}
