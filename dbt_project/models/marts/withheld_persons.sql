-- depends_on: {{ ref('decision_maker_history') }}, {{ ref('responsible_person_history') }}, {{ ref('contact_points') }}
{{
    config(
        tags=['gates'],
        post_hook=[
            "{{ create_decision_makers_as_of() }}", "{{ create_responsible_persons_as_of() }}",
            "{{ create_contact_points_as_of() }}",
        ],
    )
}}

-- Who is left out of every look back (the as-of macros): whoever has objected altogether, is restricted, protected or erased. Of them
-- there are counts only: withheld_as_of(day).
select
    persons.person_id,
    min(objections.gate) as gate
from {{ ref('enr_objected_persons') }} as persons
inner join {{ ref('enr_objections') }} as objections on persons.objection_id = objections.objection_id
where objections.is_standing and objections.gate in ('SAFETY', 'ERASED', 'OBJECTION_PERSON')
group by persons.person_id
