{#- A cell such as "TK.PRODUCT:0.5|MARKKINOINTI.PRODUCT:0.5": each function in it stands in area_functions. -#}
{% test functions_are_known(model, column_name) %}
select cells.function_code
from (
    select distinct split_part(unnest(string_split({{ column_name }}, '|')), ':', 1) as function_code
    from {{ model }}
) as cells
where cells.function_code not in (select code from {{ ref('area_functions') }})
{% endtest %}
