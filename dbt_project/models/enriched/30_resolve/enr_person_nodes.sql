{{ config(materialized='table') }}

-- What is one person beyond doubt: mentions with the same number of the register are one node, every other is a node of its
-- own. A mention that somebody has judged to be another person than its number says stands by itself too.
with judged as (

    select
        mention_a,
        mention_b
    from {{ ref('stg_ledger__judgements') }}
    qualify row_number() over (partition by mention_a, mention_b order by judged_at desc, judgement_id desc) = 1 and verdict = 'not_same'

),

apart as (

    -- Of two mentions with one number it is the second that is taken out of the number's node.
    select distinct judged.mention_b as mention_id
    from judged
    inner join {{ ref('enr_person_mentions') }} as one on judged.mention_a = one.mention_id
    inner join {{ ref('enr_person_mentions') }} as other on judged.mention_b = other.mention_id
    where one.register_person_id = other.register_person_id

),

numbered as (

    select
        mentions.mention_id,
        mentions.as_of,
        mentions.birth_date,
        if(apart.mention_id is null, mentions.register_person_id, null) as register_person_id
    from {{ ref('enr_person_mentions') }} as mentions
    left join apart on mentions.mention_id = apart.mention_id

),

-- The same number with two dates of birth: the register has corrected one.
born as (

    select
        register_person_id,
        max_by(birth_date, (as_of, birth_date)) as birth_date
    from numbered
    where register_person_id is not null and birth_date is not null
    group by register_person_id

)

select
    numbered.mention_id,
    -- A number for speed. Of the text, so that it is the same in every build and with every version of DuckDB.
    md5_number_lower(coalesce('register:' || numbered.register_person_id, numbered.mention_id)) as node,
    numbered.register_person_id,
    if(numbered.register_person_id is null, numbered.birth_date, born.birth_date) as birth_date
from numbered
left join born on numbered.register_person_id = born.register_person_id
