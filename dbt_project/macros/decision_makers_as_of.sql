{#- `select * from decision_makers_as_of(date '2026-01-31')`: who was responsible for what on that day, as is known now. Whoever is
    withheld today is left out, as from every look back (withheld_as_of counts them). Made next to withheld_persons, the last of
    what it reads. -#}
{% macro create_decision_makers_as_of() -%}
create or replace macro {{ this.schema }}.decision_makers_as_of(as_of_date) as table
select history.*
from {{ this.schema }}.decision_maker_history as history
where history.valid_from <= as_of_date and (history.valid_to is null or history.valid_to > as_of_date)
    and {{ is_not_withheld('history.person_id') }}
{%- endmacro %}
