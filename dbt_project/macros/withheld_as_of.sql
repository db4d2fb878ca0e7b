{#- `select * from withheld_as_of(date '2026-01-31')`: how many people a look at that day leaves out, by why. Lives next to withholdings. -#}
{% macro create_withheld_as_of() -%}
create or replace macro {{ this.schema }}.withheld_as_of(as_of_date) as table
select
    held.kind,
    held.purpose,
    sum(held.objections) as objections
from {{ this.schema }}.withholdings as held
where held.from_on <= as_of_date and (held.until_on is null or held.until_on > as_of_date)
group by held.kind, held.purpose
{%- endmacro %}
