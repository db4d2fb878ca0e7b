{#- Floor and ceiling: a code list that lost half its lines still has unique, non-null keys, so its size is tested as well. -#}
{% test row_count_between(model, minimum, maximum) %}
select count(*) as row_count
from {{ model }}
having count(*) not between {{ minimum }} and {{ maximum }}
{% endtest %}
