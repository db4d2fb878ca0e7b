{{ config(materialized='table') }}

-- What a survey's row says of a decision maker, as it was last told; one row per report.
with latest as (

    select *
    from {{ ref('stg_survey__decision_makers') }}
    qualify row_number() over (partition by report_id order by as_of desc, load_id desc) = 1

)

select
    'survey:decision_makers:' || report_id as mention_id,
    report_id,
    load_id,
    as_of,
    case_id,
    business_id,
    reported_at::date as reported_on,
    disposition_code,
    -- Of these the firm or the person said that they are right (DOMAIN: dispositions); of one who has left, that they are not.
    disposition_code in ('CMP', 'CNC', 'PRT') as is_verified,
    disposition_code = 'GON' as is_left,
    if(is_self_report, 'person', 'organisation') as verifier,
    first_name,
    last_name,
    title,
    coalesce(area_codes, []) as area_codes,
    -- Numbers and ticked columns are the interviewer's code list; words are what the firm stated.
    if(regexp_matches(coalesce(areas_told, ''), '\pL'), 'stated', 'coded') as area_source,
    language_code,
    email,
    email_kind,
    phone_e164 as phone,
    phone_kind,
    visiting_street,
    visiting_postcode,
    visiting_town,
    postal_street,
    postal_postcode,
    postal_town
from latest
where op <> 'D'
