-- A company of the register as an organisation of ours: one row per company and load, nested lists gone.
-- Only what landed since the last build: older versions are in organisation_history already.
with companies as (

    select
        *,
        'ytj' as source_name
    from {{ ref('stg_ytj__companies') }}
    where {{ landed_since_last_build('ytj.companies') }}

    union all by name

    select
        *,
        'ytj' as source_name
    from {{ ref('stg_ytj__companies_search') }}
    where {{ landed_since_last_build('ytj.companies_search') }}

),

current_parts as (

    select
        *,
        {{ in_force('company_forms', 'true') }} as forms_in_force,
        list_sort(list_transform(
            list_filter(names, lambda x: x.type = '1'),
            -- The current main name has no end; of a ceased company take the one that ended last.
            lambda x: struct_pack(
                has_ended := coalesce(x.endDate, '') <> '',
                ended := -coalesce(epoch({{ day('x.endDate') }}), 0),
                version := x.version,
                name := x.name
            )
        ))[1].name as main_name,
        list_sort(list_distinct(list_transform(
            {{ in_force('names', "x.type in ('2', '3', '4')") }}, lambda x: x.name
        ))) as trade_names,
        list_filter(visiting_address.postOffices, lambda x: x.municipalityCode is not null)[1].municipalityCode
            as visiting_municipality_code,
        list_filter(postal_address.postOffices, lambda x: x.municipalityCode is not null)[1].municipalityCode
            as postal_municipality_code
    from companies

)

select
    parts.business_id,
    parts.load_id,
    parts.as_of,
    parts.op,
    [parts.source_name] as sources,
    {{ text('parts.main_name') }} as name,
    coalesce(parts.trade_names, []) as trade_names,
    coalesce(parts.forms_in_force[1].type, parts.company_forms[1].type) as legal_form_code,
    case
        when parts.ended_on is not null or parts.trade_register_status in ('2', '4') or parts.business_id_status = '5' then 'ceased'
        when {{ any_in_force('parts.company_situations', "x.type = 'KONK'") }} then 'bankruptcy'
        when {{ any_in_force('parts.company_situations', "x.type = 'SELTILA'") }} then 'liquidation'
        when {{ any_in_force('parts.company_situations', "x.type = 'SANE'") }} then 'restructuring'
        when parts.trade_register_status in ('0', '3') or parts.business_id_status = '1' then 'pending'
        else 'active'
    end as status,
    parts.industry_code_told,
    parts.industry_code_set,
    -- There is no domicile in the open data (INFERRED rule: the visiting address's municipality, else the postal one's).
    coalesce(parts.visiting_municipality_code, parts.postal_municipality_code) as municipality_code,
    case
        when parts.visiting_municipality_code is not null then 'visiting_address'
        when parts.postal_municipality_code is not null then 'postal_address'
    end as municipality_source,
    coalesce(
        {{ street_line('parts.visiting_address') }},
        list_aggregate({{ free_address_lines('parts.visiting_address') }}, 'string_agg', ', ')
    ) as visiting_street,
    {{ text('parts.visiting_address.postCode') }} as visiting_postcode,
    {{ town('parts.visiting_address', '1') }} as visiting_town_fi,
    {{ town('parts.visiting_address', '2') }} as visiting_town_sv,
    coalesce(
        {{ street_line('parts.postal_address') }},
        list_aggregate({{ free_address_lines('parts.postal_address') }}, 'string_agg', ', ')
    ) as postal_street,
    {{ text('parts.postal_address.postCode') }} as postal_postcode,
    {{ town('parts.postal_address', '1') }} as postal_town_fi,
    {{ town('parts.postal_address', '2') }} as postal_town_sv,
    coalesce({{ text('parts.postal_address.country') }}, {{ text('parts.visiting_address.country') }}) as postal_country,
    lower(parts.website) as website,
    {{ any_in_force('parts.registered_entries', "x.register = '7' and x.type in ('41', '42')") }} as is_employer,
    {{ any_in_force(
        'parts.registered_entries',
        "x.register = '6' and x.type in ('80', '82', '83', '84', '85', '86', '87', '88', 'P84', 'V80')"
    ) }} as is_vat_registered,
    {{ any_in_force('parts.registered_entries', "x.register = '5' and x.type = '55'") }} as is_prepayment_registered,
    coalesce(parts.registered_on, parts.business_id_given_on) as registered_on,
    parts.ended_on
from current_parts as parts
