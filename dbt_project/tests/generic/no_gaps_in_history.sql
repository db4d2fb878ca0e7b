{#- Each state ends the day the next one begins, and exactly one is current. -#}
{% test no_gaps_in_history(model) %}
select business_id, valid_from, valid_to, following
from (
    select
        business_id,
        valid_from,
        valid_to,
        lead(valid_from) over (partition by business_id order by valid_from) as following
    from {{ model }}
)
where valid_to is distinct from following
{% endtest %}
