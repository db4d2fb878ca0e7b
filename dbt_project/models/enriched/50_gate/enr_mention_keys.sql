{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='mention_id', on_schema_change='fail') }}

-- Subject keys of every mention of a person. A day makes those of mentions told since: a keyed hash costs microseconds, and there are
-- millions. A desk's mailbox and a switchboard are the organisation's and say of nobody who they are; with a name beside it, the domain
-- of either mailbox says where somebody is.
with mentions as (

    select
        mentions.mention_id,
        mentions.load_id,
        mentions.business_id,
        mentions.birth_date,
        mentions.register_person_id,
        if(mentions.email_kind in ('personal', 'free_mail'), mentions.email, null) as email,
        if(
            mentions.email_kind in ('personal', 'role'), split_part({{ normal_email_key('mentions.email') }}, '@', 2), null
        ) as domain,
        if(mentions.phone_kind in ('mobile', 'fixed'), mentions.phone, null) as phone,
        mentions.names,
        len(mentions.names) as name_count
    from {{ ref('enr_person_mentions') }} as mentions
    {%- if is_incremental() %}
    -- A load of a day that has passed may bring another spelling without being the last one.
    anti join {{ this }} as known
        on mentions.mention_id = known.mention_id and mentions.load_id = known.load_id and len(mentions.names) = known.name_count
    {%- endif %}

),

told as (

    select
        mention_id,
        unnest(names) as told_name
    from mentions

),

spellings as (

    {{ name_spellings('told') }}

),

-- Names are folded once for each distinct text.
folded as (

    select
        spelling,
        {{ normal_name_fold('spelling') }} as fold,
        {{ is_ambiguous_name('spelling') }} as is_ambiguous
    from (select distinct spelling from spellings) as distinct_spellings

),

name_keys as (

    select
        spelling,
        unnest(if(is_ambiguous, name_keys(spelling), [fold])) as name_key
    from folded

),

named as (

    select distinct
        mentions.mention_id,
        mentions.business_id,
        mentions.birth_date,
        mentions.domain,
        name_keys.name_key
    from mentions
    inner join spellings on mentions.mention_id = spellings.mention_id
    inner join name_keys on spellings.spelling = name_keys.spelling

),

keys as (

    {{ keys_of_names('named', 'mention_id') }}
    union all
    select
        mention_id,
        'email' as kind,
        {{ subject_key_email('email') }} as key
    from mentions
    union all
    select
        mention_id,
        'phone' as kind,
        {{ subject_key_phone('phone') }} as key
    from mentions
    union all
    select
        mention_id,
        'registry' as kind,
        {{ subject_key_registry('register_person_id') }} as key
    from mentions

)

select
    keys.mention_id,
    mentions.load_id,
    mentions.name_count,
    keys.kind,
    keys.key
from keys
inner join mentions on keys.mention_id = mentions.mention_id
where keys.key is not null
