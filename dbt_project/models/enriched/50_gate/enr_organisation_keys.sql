{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail') }}

-- Subject keys of organisations: of the business id, and of every two or three words that follow each other in its names and in a
-- person's mailbox that it tells as its own. "Tmi Matti Virtanen" and matti.virtanen@... tell of a person as much as a list of
-- persons does. Made once for each text.
with texts_told as (

    select
        business_id,
        name as told
    from {{ ref('organisations') }}
    union
    select
        business_id,
        unnest(trade_names) as told
    from {{ ref('organisations') }}
    union
    select
        business_id,
        split_part(value, '@', 1) as told
    from {{ ref('contact_points') }}
    where owner = 'organisation' and value_kind in ('personal', 'free_mail')
    union
    -- The business id stands for itself.
    select
        business_id,
        business_id as told
    from {{ ref('organisations') }}

),

fresh as (

    select
        texts_told.business_id,
        texts_told.told
    from texts_told
    {%- if is_incremental() %}
    anti join {{ this }} as known on texts_told.business_id = known.business_id and texts_told.told = known.told
    {%- endif %}

),

-- Words of a name as written, without what says the legal form.
worded as (

    select
        business_id,
        told,
        list_filter(
            string_split_regex(lower(told), '[^\pL\pM\pN]+'),
            lambda word: len(word) > 1 and word not in ('oy', 'ab', 'oyj', 'abp', 'ky', 'ay', 'kb', 'tmi', 'toiminimi', 'firma', 'ry', 'rf', 'osk', 'as')
        ) as words
    from fresh
    where told <> business_id

),

runs as (

    select
        business_id,
        told,
        unnest(
            list_transform(range(1, len(words)), lambda first: array_to_string(words[first:first + 1], ' '))
            || list_transform(range(1, len(words) - 1), lambda first: array_to_string(words[first:first + 2], ' '))
        ) as spelling
    from worded

),

folded as (

    select
        spelling,
        {{ normal_name_fold('spelling') }} as fold,
        {{ is_ambiguous_name('spelling') }} as is_ambiguous
    from (select distinct spelling from runs) as distinct_spellings

),

name_keys as (

    select
        spelling,
        unnest(if(is_ambiguous, name_keys(spelling), [fold])) as name_key
    from folded

),

named as (

    select distinct
        runs.business_id,
        runs.told,
        name_keys.name_key
    from runs
    inner join name_keys on runs.spelling = name_keys.spelling

)

select
    business_id,
    told,
    'name_org' as kind,
    {{ subject_key_name_org('name_key', 'business_id') }} as key
from named

union all

select
    business_id,
    told,
    'organisation' as kind,
    {{ subject_key_organisation('business_id') }} as key
from fresh
where told = business_id
