-- Nodes that somebody has judged to be two persons. The last judgement on a pair counts.
with judged as (

    select
        mention_a,
        mention_b
    from {{ ref('stg_ledger__judgements') }}
    qualify row_number() over (partition by mention_a, mention_b order by judged_at desc, judgement_id desc) = 1 and verdict = 'not_same'

)

select distinct
    one.node as node_a,
    other.node as node_b
from judged
inner join {{ ref('enr_person_nodes') }} as one on judged.mention_a = one.mention_id
inner join {{ ref('enr_person_nodes') }} as other on judged.mention_b = other.mention_id
where one.node <> other.node
