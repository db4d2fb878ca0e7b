{{ config(materialized='table', tags=['gates']) }}

-- Each candidate against each standing gate. A gate is passed when that is proven: what nobody knows (null) is not.
{%- set gates = standing_gates() %}
with head as (

    select max(version) as suppression_version
    from {{ ref('enr_gate_head') }}

),

standing as (

    select *
    from {{ ref('enr_gate_hits') }}
    where is_standing

),

-- Of several objections at one gate the first.
hit as (

    select
        candidate_id,
        {%- for gate in gates[:5] %}
        min(objection_id) filter (gate = '{{ gate }}') as {{ gate | lower }}_by,
        arg_min(key_kind, objection_id) filter (gate = '{{ gate }}') as {{ gate | lower }}_key{{ ',' if not loop.last }}
        {%- endfor %}
    from standing
    group by candidate_id

),

waiting as (

    select
        person_id,
        min(objection_id) as objection_id
    from {{ ref('enr_lookalikes') }}
    group by person_id

),

noticed as (

    select distinct person_id
    from {{ ref('stg_ledger__notices') }}

),

-- A sole trader is told, and waits for a look, as the person who trades.
traders as (

    select
        roles.business_id,
        bool_or(noticed.person_id is not null) as is_noticed,
        min(waiting.objection_id) as waits_for
    from {{ ref('responsible_persons') }} as roles
    left join noticed on roles.person_id = noticed.person_id
    left join waiting on roles.person_id = waiting.person_id
    where roles.role_code = 'SOLE_TRADER'
    group by roles.business_id

),

examined as (

    select
        candidates.*,
        head.suppression_version,
        hit.* exclude (candidate_id),
        coalesce(waiting.objection_id, if(candidates.person_id is null, traders.waits_for, null)) as review_by,
        listed.list_id,
        {%- for gate in gates[:5] %}
        head.suppression_version is not null and hit.{{ gate | lower }}_by is null as is_past_{{ gate | lower }},
        {%- endfor %}
        listed.candidate_id is null as is_past_external_list,
        head.suppression_version is not null and review_by is null as is_past_review,
        candidates.is_decision_maker as is_past_role_excluded,
        candidates.is_marketing_target as is_past_organisation_status,
        noticed.person_id is not null
        or candidates.person_id is null and candidates.subject_kind = 'legal_person_generic'
        or candidates.person_id is null and candidates.legal_form_group = 'sole_trader' and traders.is_noticed
            as is_past_notice_due,
        candidates.channel <> 'email'
        or candidates.legal_form_group not in ('{{ var("no_email_legal_form_groups") | join("', '") }}')
        and candidates.subject_kind in ('natural_person_work', 'legal_person_generic') as is_past_legal_form_channel,
        candidates.age_days <= {{ var('time_to_live_days') }} as is_past_stale
    from {{ ref('enr_gate_candidates') }} as candidates
    cross join head
    left join hit on candidates.candidate_id = hit.candidate_id
    left join waiting on candidates.person_id = waiting.person_id
    left join {{ ref('enr_listed_candidates') }} as listed on candidates.candidate_id = listed.candidate_id
    left join noticed on candidates.person_id = noticed.person_id
    left join traders on candidates.business_id = traders.business_id

)

select
    *,
    list_filter([
        {%- for gate in gates %}
        if(is_past_{{ gate | lower }}, '{{ gate }}', null){{ ',' if not loop.last }}
        {%- endfor %}
    ], lambda gate: gate is not null) as passed_gates,
    case
        {%- for gate in gates %}
        when is_past_{{ gate | lower }} is not true then '{{ gate }}'
        {%- endfor %}
    end as gate
from examined
