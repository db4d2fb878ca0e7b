with source as (

    select * from {{ source('ytj_extract', 'companies') }}

),

renamed as (

    select
        business_id,
        _load_id as load_id,
        _as_of as as_of,
        _op as op,
        unnest(contacts) as contact
    from source

)

select
    business_id,
    load_id,
    as_of,
    op,
    contact.type_code,
    case contact.type_code when '1' then 'phone' when '2' then 'fax' when '3' then 'email' when '4' then 'website' when '5' then 'mobile' end as contact_type,
    contact.told,
    contact.normal,
    contact.kind,
    contact.fault
from renamed
