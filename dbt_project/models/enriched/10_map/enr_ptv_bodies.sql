-- Public bodies with a business id of their own; units that share their parent's are not organisations of the register.
with bodies as (

    select * from {{ ref('stg_ptv__organisations') }}
    where op = 'D' or business_id_source = 'own'

),

-- The number to ring first: a switchboard before a desk, free of charge before not. A mobile number is an official's.
phones as (

    select
        load_id,
        organisation_id,
        arg_min(phone, (case phone_kind when 'organisation' then 1 when 'fixed' then 2 else 3 end, phone)) as phone
    from {{ ref('stg_ptv__phones') }}
    where phone_kind in ('organisation', 'fixed', 'service') and service_type = 'Phone'
    group by load_id, organisation_id

),

emails as (

    select
        load_id,
        organisation_id,
        min(email) as email
    from {{ ref('stg_ptv__emails') }}
    where email_kind = 'role'
    group by load_id, organisation_id

),

addresses as (

    select
        load_id,
        organisation_id,
        {%- for kind in ['visiting', 'postal'] %}
        arg_min({{ told_address(kind, {
            'street': "concat_ws(' ', coalesce(street_fi, street_sv), building_number)", 'box': 'coalesce(box_fi, box_sv)',
            'postcode': 'postcode', 'town_fi': 'coalesce(town_fi, town_sv)', 'town_sv': 'coalesce(town_sv, town_fi)',
            'municipality_code': 'municipality_code', 'foreign_lines': 'foreign_lines', 'country': 'country_code',
        }) }}, address_number) filter (where address_kind = '{{ kind }}') as {{ kind }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('stg_ptv__addresses') }}
    group by load_id, organisation_id

)

select
    bodies.organisation_id as record_id,
    bodies.business_id,
    bodies.load_id,
    bodies.as_of,
    bodies.op,
    bodies.name,
    bodies.alternative_names as trade_names,
    -- The catalogue tells types, not legal forms (INFERRED: these; of the others a register tells, or nobody).
    case bodies.organisation_type_code
        when 'State' then '40' when 'Municipality' then '41' when 'RegionalOrganization' then '42' when 'Region' then '49'
    end as legal_form_code,
    'active' as status,
    bodies.municipality_code as domicile_code,
    addresses.visiting,
    addresses.postal,
    phones.phone,
    emails.email,
    regexp_replace(lower(bodies.websites[1]), '^[a-z]+://', '') as website,
    -- The language it writes in first.
    if(bodies.language_codes[1] in ('fi', 'sv'), bodies.language_codes[1], null) as language
from bodies
left join phones on bodies.load_id = phones.load_id and bodies.organisation_id = phones.organisation_id
left join emails on bodies.load_id = emails.load_id and bodies.organisation_id = emails.organisation_id
left join addresses on bodies.load_id = addresses.load_id and bodies.organisation_id = addresses.organisation_id
