-- Who holds a position that no register knows but that represents the organisation by itself: heads of public bodies and parishes,
-- executive directors of associations and foundations, as surveys tell it by their title. One row per person, organisation and role;
-- it began, for us, when it was first told.
with held as (

    select
        links.*,
        positions.role_code
    from {{ ref('enr_surveyed_links') }} as links
    inner join {{ ref('organisations') }} as organisations on links.business_id = organisations.business_id
    inner join {{ ref('position_titles') }} as positions on lower(trim(links.title)) = positions.title
    where
        organisations.legal_form_group in ('public', 'church')
        and positions.role_code = 'MUNI_HEAD'
        or organisations.legal_form_group in ('association', 'foundation')
        and positions.role_code = 'EXEC_ASSOC'

),

told as (

    select
        person_id,
        business_id,
        role_code,
        min(valid_from) as started_on,
        min(as_of) as first_seen_on,
        max(valid_from) as last_seen_on,
        arg_max(struct_pack(
            first_name := first_name, last_name := last_name, load_id := load_id,
            ended_on := if(ended_by in ('left', 'not_named'), valid_to, null)
        ), valid_from) as last_told
    from held
    group by person_id, business_id, role_code

)

select
    {{ keyed('role', "concat_ws('|', person_id, business_id, role_code)") }} as role_id,
    person_id,
    business_id,
    role_code,
    last_told.first_name as first_name,
    last_told.last_name as last_name,
    started_on,
    last_told.ended_on as ended_on,
    first_seen_on,
    last_seen_on,
    last_told.load_id as load_id
from told
where last_told.last_name is not null
