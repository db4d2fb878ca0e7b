{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='load_id') }}

-- What the register answers under contract: sole traders, whom the open data lacks, and of companies what it does not tell
-- (domicile, language, contacts).
with companies as (

    select * from {{ ref('stg_ytj_extract__companies') }}
    where {{ landed_since_last_build('ytj_extract.companies') }}

),

-- A sole trader's mobile number or personal mailbox is a natural person's; so may a company's mailbox with a name be. Those
-- are contact points (of people), not the organisation's.
contacts as (

    select
        load_id,
        business_id,
        min(normal) filter (where contact_type in ('phone', 'mobile') and kind = 'organisation') as switchboard,
        min(normal) filter (where contact_type in ('phone', 'mobile') and kind = 'fixed') as landline,
        min(normal) filter (where contact_type in ('phone', 'mobile') and kind = 'mobile') as mobile,
        min(normal) filter (where contact_type = 'email' and kind = 'role') as email,
        min(lower(trim(told))) filter (where contact_type = 'website' and trim(told) <> '') as website
    from {{ ref('stg_ytj_extract__contacts') }}
    where {{ landed_since_last_build('ytj_extract.companies') }}
    group by load_id, business_id

),

parted as (

    select
        *,
        visiting_town as visiting_town_fi,
        visiting_town as visiting_town_sv,
        postal_town as postal_town_fi,
        postal_town as postal_town_sv,
        null::varchar as visiting_box,
        {%- for kind in ['visiting', 'postal'] %}
        null::varchar as {{ kind }}_municipality_code,
        null::varchar[] as {{ kind }}_foreign_lines,
        null::varchar as {{ kind }}_country{{ ',' if not loop.last }}
        {%- endfor %}
    from companies

)

select
    parted.business_id as record_id,
    parted.business_id,
    parted.load_id,
    parted.as_of,
    parted.op,
    parted.name,
    parted.legal_form_code,
    case
        -- Company status 4 and an invalidated id: no longer active (SAW).
        when parted.company_status = '4' or parted.business_id_status = '5' then 'ceased'
        when parted.is_bankrupt then 'bankruptcy'
        when parted.is_in_liquidation then 'liquidation'
        when parted.is_in_reorganisation then 'restructuring'
        else 'active'
    end as status,
    if(parted.industry_code is null, null, struct_pack(code := parted.industry_code, code_set := 'TOIMI4')) as industry,
    parted.domicile_code,
    {{ told_address('parted.visiting') }} as visiting,
    {{ told_address('parted.postal') }} as postal,
    coalesce(contacts.switchboard, contacts.landline, if(parted.legal_form_code <> '26', contacts.mobile, null)) as phone,
    contacts.email,
    regexp_replace(contacts.website, '^[a-z]+://', '') as website,
    parted.language_code as language,
    parted.is_in_prepayment_register as is_prepayment_registered
from parted
left join contacts on parted.load_id = contacts.load_id and parted.business_id = contacts.business_id
