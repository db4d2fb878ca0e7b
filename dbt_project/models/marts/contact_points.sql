-- Telephone numbers and e-mail addresses, whose they are, how we came by them, and whether they still work. Post goes to the
-- addresses of organisations and decision_makers.
with now as (

    select today from {{ ref('enr_today') }}

),

-- The same value told several times by whatever source is one point; the last who told it verified it.
points as (

    select
        claims.person_id,
        claims.business_id,
        claims.channel,
        claims.value,
        min(claims.verified_on) as first_seen_on,
        max(claims.verified_on) as verified_on,
        arg_max({
            'source_name': claims.source_name, 'load_id': claims.load_id, 'value_kind': claims.value_kind, 'verifier': claims.verifier,
            'acquisition_method': claims.acquisition_method, 'ended_on': claims.ended_on, 'ended_by': claims.ended_by
        }, (claims.verified_on, claims.source_name, claims.load_id, claims.verifier)) as told
    from {{ ref('enr_contact_claims') }} as claims
    group by claims.person_id, claims.business_id, claims.channel, claims.value

),

owned as (

    select
        * exclude (told),
        {%- for column in ['source_name', 'load_id', 'value_kind', 'verifier', 'acquisition_method', 'ended_on', 'ended_by'] %}
        told.{{ column }} as {{ column }},
        {%- endfor %}
        -- When the person said something else in its place. An organisation may have many.
        if(person_id is null, null, lead(verified_on) over (
            partition by person_id, business_id, channel order by verified_on, value
        )) as replaced_on
    from points

),

failures as (

    select
        contact_kind as channel,
        contact as value,
        max(occurred_at::date) as failed_on
    from {{ ref('stg_bounces__events') }}
    where is_invalid and op <> 'D'
    group by contact_kind, contact

),

judged as (

    select
        owned.*,
        organisations.legal_form_group,
        organisations.staff_band,
        organisations.industry_section,
        case
            when failures.failed_on > owned.verified_on then failures.failed_on
            when owned.ended_by in ('left', 'not_named', 'withdrawn') then owned.ended_on
            else owned.replaced_on
        end as invalid_at,
        case
            when failures.failed_on > owned.verified_on then 'failed'
            when owned.ended_by in ('left', 'not_named', 'withdrawn') then owned.ended_by
            when owned.replaced_on is not null then 'replaced'
        end as invalid_reason
    from owned
    left join failures on owned.channel = failures.channel and owned.value = failures.value
    left join {{ ref('organisations') }} as organisations on owned.business_id = organisations.business_id

)

select
    {{ keyed('contact_point', "concat_ws('|', coalesce(judged.person_id, ''), judged.business_id, judged.channel, judged.value)") }} as contact_point_id,
    if(judged.person_id is null, 'organisation', 'person') as owner,
    judged.person_id,
    judged.business_id,
    judged.channel,
    judged.value,
    judged.value_kind,
    -- DOMAIN L-01 to L-03: whom a message there reaches. A sole trader is a natural person, and so is who reads a free mailbox; a
    -- mobile number of an association rings in somebody's pocket, that of a company is the company's.
    case
        when judged.legal_form_group = 'sole_trader' or judged.value_kind = 'free_mail' then 'natural_person'
        when judged.person_id is not null then 'natural_person_work'
        when judged.value_kind in ('role', 'organisation', 'fixed', 'service') then 'legal_person_generic'
        when judged.value_kind = 'mobile' and judged.legal_form_group in ('association', 'foundation') then 'natural_person'
        when judged.value_kind = 'mobile' and judged.source_name = 'ytj_extract' then 'legal_person_generic'
        else 'natural_person_work'
    end as subject_kind,
    judged.acquisition_method,
    judged.verifier,
    judged.first_seen_on,
    judged.verified_on,
    judged.invalid_at,
    judged.invalid_reason,
    {{ still_holds('coalesce(cell.yearly_rate, whole.yearly_rate)', 'now.today - judged.verified_on') }} as p_current,
    judged.source_name,
    judged.load_id
from judged
cross join now
{{ decay_rate_joins(ref('decay_rates'), 'judged.channel', 'judged.staff_band', 'judged.industry_section', 'null::varchar') }}
