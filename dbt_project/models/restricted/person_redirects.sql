-- Ids by which somebody may have been known before it was found out who they are: each of their mentions, or numbers of the register,
-- would have had one of its own. Complete without a history, because an id is made of nothing else
-- (docs/adr/0008-persons-by-their-first-mention.md).
with heard as (

    select distinct
        persons.person_id,
        nodes.node,
        coalesce('register:' || nodes.register_person_id, persons.mention_id) as anchor
    from {{ ref('enr_person_of_mention') }} as persons
    inner join {{ ref('enr_person_nodes') }} as nodes on persons.mention_id = nodes.mention_id
    inner join {{ ref('enr_person_nodes') }} as anchors on persons.anchor_mention_id = anchors.mention_id
    where nodes.node <> anchors.node

)

select
    {{ keyed('person', 'anchor') }} as former_person_id,
    person_id
from heard
