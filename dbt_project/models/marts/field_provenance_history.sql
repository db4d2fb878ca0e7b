{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='entity_id',
        pre_hook="{% if is_incremental() %}delete from {{ this }} where entity_type = 'decision_maker'{% endif %}",
    )
}}

-- What field_provenance told before: who told each value that has been replaced since, from which day to which.
select
    {{ provenance_of_organisations() }},
    valid_to
from {{ ref('enr_organisation_field_spans') }}
where valid_to is not null

union all by name

select
    {{ provenance_of_persons() }},
    valid_to
from {{ ref('enr_person_field_spans') }}
where valid_to is not null
