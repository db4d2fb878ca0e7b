{{ config(materialized='table') }}

-- What ties two nodes together, with its reason and strength. Strong ties are made first (enr_person_clusters), weak ones only
-- where they contradict nothing.
with groups as (

    select * from {{ ref('enr_person_tie_groups') }}

),

-- A group is tied as a star. Of an ambiguous one only those are that nothing identifies: they are one of the others or not, but
-- all the same.
stars as (

    select
        reason,
        min(node) over (partition by reason, shared) as node_a,
        node as node_b
    from groups
    where not is_ambiguous or not is_identified

),

-- Spellings that nothing ties in their organisation yet: slips of the pen, and initials. They are tied to the one name there that
-- they may stand for, and to none when there are two.
names as (

    select
        node,
        register_person_id,
        kind,
        business_id,
        pairs,
        heads[1] as forename,
        surnames[1] as surname,
        surnames
    from {{ ref('enr_person_names') }}
    where len(heads) > 0 and len(surnames) > 0

),

words as (

    select
        word,
        count(distinct node) as times
    from (
        select
            node,
            unnest([forename, surname]) as word
        from names
        where kind = 'role'
    ) as told
    group by word

),

counted as (

    select
        names.*,
        coalesce(forename_words.times, 0) as forename_times,
        coalesce(surname_words.times, 0) as surname_times
    from names
    left join words as forename_words on names.forename = forename_words.word
    left join words as surname_words on names.surname = surname_words.word

),

lonely as (

    select counted.*
    from counted
    where
        register_person_id is null
        and not exists (
            select 1 from groups
            where groups.reason = 'organisation_and_name' and groups.node = counted.node and groups.business_id = counted.business_id
        )

),

meant as (

    select
        lonely.node,
        counted.node as other,
        counted.register_person_id,
        counted.pairs[1] as name_pair,
        case
            when len(lonely.forename) = 1 then 'organisation_and_initial'
            when lonely.surname = counted.surname or lonely.forename = counted.surname then 'organisation_and_misspelt_forename'
            else 'organisation_and_misspelt_surname'
        end as reason
    from lonely
    inner join counted on lonely.business_id = counted.business_id and lonely.node <> counted.node and len(counted.forename) > 1
    where
        (len(lonely.forename) = 1 and lonely.forename = counted.forename[1] and list_has_any(lonely.surnames, counted.surnames))
        or (
            lonely.forename = counted.forename
            and {{ is_slip('lonely.surname', 'counted.surname', 'lonely.surname_times', 'counted.surname_times', may_replace=true) }}
        )
        or (
            lonely.surname = counted.surname
            and {{ is_slip('lonely.forename', 'counted.forename', 'lonely.forename_times', 'counted.forename_times') }}
        )
        -- Exchanged in one of the two.
        or (
            lonely.forename = counted.surname
            and {{ is_slip('lonely.surname', 'counted.forename', 'lonely.surname_times', 'counted.forename_times') }}
        )
        or (
            lonely.surname = counted.forename
            and {{ is_slip('lonely.forename', 'counted.surname', 'lonely.forename_times', 'counted.surname_times') }}
        )

),

unambiguous as (

    select
        min(reason) as reason,
        node,
        min(other) as other
    from meant
    group by node
    having count(distinct name_pair) = 1 and count(distinct register_person_id) <= 1

),

judged as (

    select
        mention_a,
        mention_b
    from {{ ref('stg_ledger__judgements') }}
    qualify row_number() over (partition by mention_a, mention_b order by judged_at desc, judgement_id desc) = 1 and verdict = 'same'

),

ties as (

    select
        reason,
        node_a,
        node_b
    from stars

    union all

    select
        reason,
        least(node, other) as node_a,
        greatest(node, other) as node_b
    from unambiguous

    union all

    select
        'judged_same' as reason,
        least(one.node, other.node) as node_a,
        greatest(one.node, other.node) as node_b
    from judged
    inner join {{ ref('enr_person_nodes') }} as one on judged.mention_a = one.mention_id
    inner join {{ ref('enr_person_nodes') }} as other on judged.mention_b = other.mention_id

)

select distinct
    ties.node_a,
    ties.node_b,
    ties.reason,
    strengths.strength
from ties
inner join {{ ref('tie_reasons') }} as strengths on ties.reason = strengths.reason
where ties.node_a <> ties.node_b
