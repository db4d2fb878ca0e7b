{{ config(materialized='table') }}

-- Every spelling of a node's name in an organisation, in parts that two spellings of one name share: the forename that one is
-- called by (both halves of Anna-Maija), surnames without particles (both halves of a double name), and pairs of the two without
-- order, since files swap them. Of a name told in one piece nobody knows which part is which, so all its pairs count.
with named as (

    select
        nodes.node,
        nodes.register_person_id,
        nodes.birth_date,
        mentions.kind,
        mentions.business_id,
        unnest(mentions.names) as told_name
    from {{ ref('enr_person_mentions') }} as mentions
    inner join {{ ref('enr_person_nodes') }} as nodes on mentions.mention_id = nodes.mention_id

),

told as (

    select distinct
        * exclude (told_name),
        told_name.first_name as first_name,
        told_name.last_name as last_name,
        told_name.full_name as full_name
    from named

),

folded as (

    select
        * exclude (first_name, last_name, full_name),
        {{ normal_name_words("split_part(trim(coalesce(first_name, '')), ' ', 1)") }} as heads,
        {{ normal_name_words("coalesce(last_name, '')") }} as surnames,
        string_split({{ normal_name_fold("coalesce(full_name, '')") }}, ' ') as whole
    from told

),

parted as (

    select
        * exclude (surnames),
        coalesce(nullif(list_filter(surnames, lambda word: word not in {{ name_particles() }}), []), surnames) as surnames
    from folded

),

paired as (

    select
        *,
        if(
            whole is null,
            flatten(list_transform(heads, lambda head: list_transform(surnames, lambda surname: [least(head, surname), greatest(head, surname)]))),
            flatten(list_transform(whole, lambda one: list_transform(whole, lambda other: [least(one, other), greatest(one, other)])))
        ) as couples
    from parted

)

select
    * exclude (whole, couples),
    -- An initial is no name; what it may stand for is looked at in enr_person_ties.
    list_sort(list_distinct(list_transform(
        list_filter(couples, lambda couple: len(couple[1]) > 1 and len(couple[2]) > 1 and couple[1] <> couple[2]), lambda couple: couple[1] || ' ' || couple[2]
    ))) as pairs
from paired
