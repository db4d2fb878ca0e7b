{{ config(materialized='table') }}

-- Who each mention is. A person's id is made of its anchor, the mention that was there first: whoever joins later changes
-- nothing. The anchor stands for itself by its number of the register where it has one, since a number outlives the place
-- (docs/adr/0008-persons-by-their-first-mention.md).
with noded as (

    select
        nodes.mention_id,
        nodes.node,
        nodes.register_person_id,
        clusters.cluster,
        mentions.first_seen_on
    from {{ ref('enr_person_nodes') }} as nodes
    inner join {{ ref('enr_person_mentions') }} as mentions on nodes.mention_id = mentions.mention_id
    left join {{ ref('enr_person_clusters') }} as clusters on nodes.node = clusters.node

),

peers as (

    select
        node,
        count(*) as mentions
    from noded
    group by node
    having count(*) > 1

),

clustered as (

    select
        noded.* exclude (cluster),
        coalesce(noded.cluster, noded.node) as cluster,
        -- Most are named once and tied to nobody: they need no comparing.
        noded.cluster is null and peers.node is null as is_alone,
        peers.node is not null as has_peers
    from noded
    left join peers on noded.node = peers.node

),

anchors as (

    select
        cluster,
        mention_id,
        register_person_id,
        1 as mentions
    from clustered
    where is_alone

    union all

    select
        cluster,
        -- first_seen_on, then who has a number, then by text: the same whatever order the loads came in.
        arg_min(mention_id, (first_seen_on, register_person_id is null, mention_id)) as mention_id,
        arg_min_null(register_person_id, (first_seen_on, register_person_id is null, mention_id)) as register_person_id,
        count(*) as mentions
    from clustered
    where not is_alone
    group by cluster

),

identified as (

    select
        cluster,
        mention_id,
        mentions,
        {{ keyed('person', "coalesce('register:' || register_person_id, mention_id)") }} as person_id
    from anchors

),

-- The strongest tie of each node that was made.
tied as (

    select
        node,
        arg_max(reason, (strength, reason)) as tied_by
    from (
        select
            ties.node_a as node,
            ties.reason,
            ties.strength
        from {{ ref('enr_person_ties') }} as ties
        inner join {{ ref('enr_person_clusters') }} as one on ties.node_a = one.node
        inner join {{ ref('enr_person_clusters') }} as other on ties.node_b = other.node and one.cluster = other.cluster
        union all
        select
            ties.node_b as node,
            ties.reason,
            ties.strength
        from {{ ref('enr_person_ties') }} as ties
        inner join {{ ref('enr_person_clusters') }} as one on ties.node_a = one.node
        inner join {{ ref('enr_person_clusters') }} as other on ties.node_b = other.node and one.cluster = other.cluster
    ) as made
    group by node

)

select
    clustered.mention_id,
    identified.person_id,
    identified.mention_id as anchor_mention_id,
    case
        when identified.mentions = 1 then 'alone'
        when clustered.has_peers then 'register_id'
        else tied.tied_by
    end as tied_by,
    identified.mentions as person_mentions
from clustered
inner join identified on clustered.cluster = identified.cluster
left join tied on clustered.node = tied.node
