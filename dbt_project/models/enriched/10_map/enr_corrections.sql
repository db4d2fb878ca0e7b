-- Values of organisations that somebody knows better than the sources, each from the day it was made until another one of the same
-- field takes its place or a source agrees: from then on the sources speak for themselves again.
with made as (

    select
        correction_id,
        business_id,
        field_name,
        value,
        made_at::date as made_on,
        load_id,
        lead(made_at::date) over (partition by business_id, field_name order by made_at, correction_id) as superseded_on
    from {{ ref('stg_ledger__corrections') }}
    where
        business_id is not null
        and person_id is null
        and field_name in ('{{ var("correctable") | join("', '") }}')

),

told as (
    {% for field in var('correctable') %}
    {%- set told_as = 'domicile_code' if field == 'municipality_code' else field %}
    {%- for source in var('survivorship')[told_as] %}
    select
        claims.business_id,
        '{{ field }}' as field_name,
        claims.{{ told_as }}::varchar as value,
        claims.as_of
    from {{ ref(organisation_sources()[source].claims) }} as claims
    semi join made on claims.business_id = made.business_id
    {{ 'union all' if not loop.last }}
    {%- endfor %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

agreed as (

    select
        made.correction_id,
        min(told.as_of) as agreed_on
    from made
    inner join told
        on made.business_id = told.business_id and made.field_name = told.field_name and made.value = told.value
    where told.as_of > made.made_on
    group by made.correction_id

)

select
    concat_ws(' ', made.business_id, made.field_name, made.correction_id) as record_id,
    made.business_id,
    made.load_id,
    made.made_on as as_of,
    'I' as op,
    made.field_name,
    made.value
from made

union all by name

select
    concat_ws(' ', made.business_id, made.field_name, made.correction_id) as record_id,
    made.business_id,
    made.load_id || '-ended' as load_id,
    least(made.superseded_on, agreed.agreed_on) as as_of,
    'D' as op,
    made.field_name,
    null::varchar as value
from made
left join agreed on made.correction_id = agreed.correction_id
where made.superseded_on is not null or agreed.agreed_on is not null
