{#- Totality of a mapping table: each taxonomy in it says of every area of ours where it is found, or that it is nowhere. -#}
{% test maps_every_area(model) %}
select
    taxonomies.taxonomy,
    areas.code
from (select distinct taxonomy from {{ model }}) as taxonomies
cross join {{ ref('areas_of_responsibility') }} as areas
where not exists (
    select 1
    from {{ model }} as mappings
    where mappings.taxonomy = taxonomies.taxonomy and mappings.area_code = areas.code
)
{% endtest %}
