{#- `select * from decision_makers_as_of(date '2026-01-31')`: who was responsible for what on that day, as is known now. Lives in
    every file that holds decision_maker_history, next to it. -#}
{% macro create_decision_makers_as_of() -%}
create or replace macro {{ this.schema }}.decision_makers_as_of(as_of_date) as table
select history.*
from {{ this.schema }}.decision_maker_history as history
where history.valid_from <= as_of_date and (history.valid_to is null or history.valid_to > as_of_date)
{%- endmacro %}
