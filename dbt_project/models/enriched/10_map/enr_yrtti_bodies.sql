-- Associations and foundations that have a business id. Those without one (many associations) stay in staging: an organisation
-- of ours is known by its business id.
with bodies as (

    select
        *,
        'associations' as source_name
    from {{ ref('stg_associations__associations') }}
    union all by name
    select
        *,
        'foundations' as source_name
    from {{ ref('stg_foundations__foundations') }}

)

select
    source_name,
    registration_number as record_id,
    business_id,
    load_id,
    as_of,
    op,
    name,
    coalesce(list_sort(list_distinct(list_filter(
        list_transform(names, lambda x: if(x.status = 'R', {{ text('x.name') }}, null)),
        lambda other: other is not null and other <> bodies.name
    ))), []) as trade_names,
    if(source_name = 'associations', '6', '18') as legal_form_code,
    -- R in force, VE ended; a code beside them is kept as in force and counted by its load.
    if(status_code = 'VE', 'ceased', 'active') as status,
    domicile_code,
    {{ told_address('postal', {'street': 'postal_street', 'postcode': 'postal_postcode', 'town_fi': 'postal_town', 'town_sv': 'postal_town'}) }} as postal,
    -- A mobile number of an association rings in somebody's pocket.
    if(phone_kind in ('organisation', 'fixed'), phone, null) as phone,
    if(email_kind = 'role', email, null) as email,
    registered_on
from bodies
