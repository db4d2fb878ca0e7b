-- What somebody knows better of a person at an organisation than surveys and registers do: the last word on each field, until an
-- interview made later tells the same. One row per person and organisation; a correction of the person alone holds everywhere.
{%- set fields = var('correctable_of_persons') %}
with made as (

    select
        person_id,
        business_id,
        field_name,
        value,
        made_at::date as made_on
    from {{ ref('stg_ledger__corrections') }}
    where person_id is not null and field_name in ('{{ fields | join("', '") }}')
    qualify row_number() over (partition by person_id, business_id, field_name order by made_at desc, correction_id desc) = 1

),

links as (

    select distinct
        person_id,
        business_id
    from {{ ref('decision_maker_history') }}

),

about as (

    select
        links.person_id,
        links.business_id,
        made.field_name,
        made.value,
        made.made_on,
        made.business_id is not null as is_of_the_place
    from links
    inner join made on links.person_id = made.person_id and (made.business_id is null or links.business_id = made.business_id)

),

told as (
    {% for field in fields %}
    select
        person_id,
        business_id,
        '{{ field }}' as field_name,
        {{ 'language_code' if field == 'language' else field }} as value,
        valid_from
    from {{ ref('enr_surveyed_links') }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

standing as (

    select about.*
    from about
    anti join told
        on
            about.person_id = told.person_id and about.business_id = told.business_id and about.field_name = told.field_name
            and about.value = told.value and about.made_on < told.valid_from
    -- What was said of the place outweighs what was said of the person.
    qualify row_number() over (
        partition by about.person_id, about.business_id, about.field_name order by about.is_of_the_place desc
    ) = 1

)

select
    person_id,
    business_id,
    {%- for field in fields %}
    any_value(struct_pack(value := value)) filter (where field_name = '{{ field }}') as {{ field }}{{ ',' if not loop.last }}
    {%- endfor %}
from standing
group by person_id, business_id
