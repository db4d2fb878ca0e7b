{#- `select * from withheld_as_of(date '2026-01-31')`: how many people a look back at that day leaves out, by the gate they stand at. Of
    those erased since then: how many, for nobody can tell any more whether they were known then. Lives next to withholdings. -#}
{% macro create_withheld_as_of() -%}
create or replace macro {{ this.schema }}.withheld_as_of(as_of_date) as table
select
    withheld.gate,
    count(distinct withheld.person_id) as people
from {{ this.schema }}.withheld_persons as withheld
semi join (
    select person_id from {{ this.schema }}.decision_maker_history
    where valid_from <= as_of_date and (valid_to is null or valid_to > as_of_date)
    union
    select person_id from {{ this.schema }}.responsible_person_history
    where started_on <= as_of_date and (ended_on is null or ended_on >= as_of_date)
) as known on withheld.person_id = known.person_id
group by withheld.gate
union all
select
    'ERASED_SINCE' as gate,
    sum(held.objections)::bigint as people
from {{ this.schema }}.withholdings as held
where held.kind in ('erasure', 'safety') and held.from_on > as_of_date
having sum(held.objections) > 0
{%- endmacro %}

{#- The condition of every look back: nobody who is withheld today (withheld_as_of counts them). -#}
{% macro is_not_withheld(person_id) -%}
{{ person_id }} not in (select withheld.person_id from {{ this.schema }}.withheld_persons as withheld)
{%- endmacro %}
