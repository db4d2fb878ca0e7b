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
        mentions.occasion,
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

-- Words of a name are found once for each distinct text: folding is dear, and there are few forenames and surnames.
forenames as (

    select
        forename,
        {{ normal_name_words('forename') }} as heads
    from (select distinct split_part(trim(first_name), ' ', 1) as forename from told) as t
    where forename is not null

),

folded_surnames as (

    select
        last_name,
        {{ normal_name_words('last_name') }} as words
    from (select distinct last_name from told) as t
    where last_name is not null

),

surnames as (

    select
        last_name,
        coalesce(nullif(list_filter(words, lambda word: word not in {{ name_particles() }}), []), words) as surnames
    from folded_surnames

),

whole_names as (

    select
        full_name,
        string_split({{ normal_name_fold('full_name') }}, ' ') as whole
    from (select distinct full_name from told) as t
    where full_name is not null

),

parted as (

    select
        told.* exclude (first_name, last_name, full_name),
        coalesce(forenames.heads, []) as heads,
        coalesce(surnames.surnames, []) as surnames,
        whole_names.whole
    from told
    left join forenames on split_part(trim(told.first_name), ' ', 1) = forenames.forename
    left join surnames on told.last_name = surnames.last_name
    left join whole_names on told.full_name = whole_names.full_name

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
