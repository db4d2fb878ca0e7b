{{ config(tags=['gates']) }}

-- Every candidate that marketing_contacts lacks, with the first gate that it did not pass and what closed it.
select
    verdicts.person_id,
    verdicts.business_id,
    verdicts.channel,
    verdicts.subject_kind,
    verdicts.gate,
    gates.rank as gate_rank,
    case verdicts.gate
        {%- for gate in standing_gates()[:5] %}
        when '{{ gate }}' then verdicts.{{ gate | lower }}_by
        {%- endfor %}
        when 'REVIEW' then verdicts.review_by
    end as objection_id,
    case verdicts.gate
        {%- for gate in standing_gates()[:5] %}
        when '{{ gate }}' then verdicts.{{ gate | lower }}_key
        {%- endfor %}
        when 'REVIEW' then 'name'
        when 'EXTERNAL_LIST' then verdicts.list_id
    end as closed_by,
    verdicts.suppression_version
from {{ ref('enr_gate_verdicts') }} as verdicts
inner join {{ ref('gates') }} as gates on verdicts.gate = gates.gate
