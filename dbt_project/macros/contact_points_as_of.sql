{#- `select * from contact_points_as_of(date '2026-01-31')`: what was known to work on that day. Made next to withheld_persons. -#}
{% macro create_contact_points_as_of() -%}
create or replace macro {{ this.schema }}.contact_points_as_of(as_of_date) as table
select points.*
from {{ this.schema }}.contact_points as points
where points.first_seen_on <= as_of_date and (points.invalid_at is null or points.invalid_at > as_of_date)
    and (points.person_id is null or {{ is_not_withheld('points.person_id') }})
{%- endmacro %}
