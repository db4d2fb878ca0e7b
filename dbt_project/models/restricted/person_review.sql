-- Pairs of mentions that a person should look at: judged unsure, or tied by something that could as well mean somebody else.
-- `kohde judge` settles a pair.
with judged as (

    select *
    from {{ ref('stg_ledger__judgements') }}
    qualify row_number() over (partition by mention_a, mention_b order by judged_at desc, judgement_id desc) = 1

),

-- Of a node with several mentions one stands for all.
faces as (

    select
        node,
        min(mention_id) as mention_id
    from {{ ref('enr_person_nodes') }}
    group by node

),

pairs as (

    select
        mention_a,
        mention_b,
        'unsure' as why,
        reason as evidence
    from judged
    where verdict = 'unsure'

    union all

    -- Ties that were left out because they contradict stronger ones.
    select
        least(one.mention_id, other.mention_id) as mention_a,
        greatest(one.mention_id, other.mention_id) as mention_b,
        'contradicts' as why,
        ties.reason as evidence
    from {{ ref('enr_person_ties') }} as ties
    inner join faces as one on ties.node_a = one.node
    inner join faces as other on ties.node_b = other.node
    inner join {{ ref('enr_person_of_mention') }} as person_one on one.mention_id = person_one.mention_id
    inner join {{ ref('enr_person_of_mention') }} as person_other on other.mention_id = person_other.mention_id
    where person_one.person_id <> person_other.person_id

    union all

    -- Somebody whom nothing identifies, who may be one of several.
    select
        least(one.mention_id, other.mention_id) as mention_a,
        greatest(one.mention_id, other.mention_id) as mention_b,
        'ambiguous' as why,
        groups.reason as evidence
    from {{ ref('enr_person_tie_groups') }} as groups
    inner join {{ ref('enr_person_tie_groups') }} as peers on groups.reason = peers.reason and groups.shared = peers.shared
    inner join faces as one on groups.node = one.node
    inner join faces as other on peers.node = other.node
    inner join {{ ref('enr_person_of_mention') }} as person_one on one.mention_id = person_one.mention_id
    inner join {{ ref('enr_person_of_mention') }} as person_other on other.mention_id = person_other.mention_id
    where groups.is_ambiguous and not groups.is_identified and peers.is_identified and person_one.person_id <> person_other.person_id

)

select
    pairs.mention_a,
    pairs.mention_b,
    min(pairs.why) as why,
    list_sort(list(distinct pairs.evidence)) as evidence,
    any_value(one.business_id) as business_id_a,
    any_value(other.business_id) as business_id_b,
    any_value(concat_ws(' ', one.first_name, one.last_name, one.full_name)) as name_a,
    any_value(concat_ws(' ', other.first_name, other.last_name, other.full_name)) as name_b
from pairs
inner join {{ ref('enr_person_mentions') }} as one on pairs.mention_a = one.mention_id
inner join {{ ref('enr_person_mentions') }} as other on pairs.mention_b = other.mention_id
left join judged on pairs.mention_a = judged.mention_a and pairs.mention_b = judged.mention_b
-- What somebody has decided needs no second look.
where judged.verdict is null or judged.verdict = 'unsure'
group by pairs.mention_a, pairs.mention_b
