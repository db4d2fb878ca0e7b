{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='fail') }}

-- Subject keys of every e-mail address and telephone number that may leave the house: of the value itself, and of an address its domain
-- with those above it. Made once for each value.
with told as (

    select value
    from {{ ref('contact_points') }}
    {% for channel in ['email', 'phone'] %}
    union
    -- What somebody has corrected stands in no source.
    select {{ channel }} as value
    from {{ ref('decision_makers') }}
    {% endfor %}

),

fresh as (

    select told.value
    from told
    {%- if is_incremental() %}
    anti join {{ this }} as known on told.value = known.value
    {%- endif %}

),

-- What is no address has no key as one, and so with numbers.
labelled as (

    select
        value,
        string_split(split_part({{ normal_email_key('value') }}, '@', 2), '.') as labels
    from fresh

),

domains as (

    select
        value,
        unnest(list_transform(range(1, len(labels)), lambda first: array_to_string(labels[first:], '.'))) as domain
    from labelled

),

keys as (

    select
        value,
        'email' as kind,
        {{ subject_key_email('value') }} as key
    from fresh
    union all
    select
        value,
        'phone' as kind,
        {{ subject_key_phone('value') }} as key
    from fresh
    union all
    select
        value,
        'domain' as kind,
        {{ subject_key_domain('domain') }} as key
    from domains

)

select
    value,
    kind,
    key
from keys
where key is not null
