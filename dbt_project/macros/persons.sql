{#- Words before a surname that are written or left out, large or small. -#}
{% macro name_particles() -%}
    ('von', 'af', 'de', 'van', 'der', 'den', 'la', 'le', 'di', 'da', 'du', 'zu', 'av', 'ter')
{%- endmacro %}

{#- One slip of the pen between two words: a letter more, less or exchanged with its neighbour, behind the first letter. Another
    letter in its place only in a surname, since Marja and Merja or Anne and Anna are two names. One of the two must be unheard
    of: when registers know both well (Kati, Katri), both are names. Counts: how many persons of registers are called so. -#}
{% macro is_slip(word, other, times, other_times, may_replace=false) -%}
    (
        {{ word }} <> {{ other }}
        and least(len({{ word }}), len({{ other }})) >= 3
        and abs(len({{ word }}) - len({{ other }})) <= 1
        and {{ word }}[1] = {{ other }}[1]
        and (least({{ times }}, {{ other_times }}) <= 1 or least({{ times }}, {{ other_times }}) * 50 <= greatest({{ times }}, {{ other_times }}))
        and damerau_levenshtein({{ word }}, {{ other }}) = 1
        {%- if not may_replace %}
        and (len({{ word }}) <> len({{ other }}) or hamming({{ word }}, {{ other }}) = 2)
        {%- endif %}
    )
{%- endmacro %}

{#- The id of what a text stands for, made with the secret (ledger/dbt_plugin.py); purposes: person, role, contact_point. -#}
{% macro keyed(purpose, text) -%}
    keyed('{{ purpose }}', {{ text }})
{%- endmacro %}

{#- Columns of a role that both the main and the restricted models have: names of the role in three languages as its legal form
    calls it, else as the role is called in general. -#}
{% macro role_names() -%}
    coalesce(forms.name_fi, names.name_fi) as role_name_fi,
    coalesce(forms.name_sv, names.name_sv) as role_name_sv,
    coalesce(forms.name_en, names.name_en) as role_name_en
{%- endmacro %}

{% macro role_name_joins() -%}
inner join {{ ref('roles') }} as names on held.role_code = names.role_code
left join {{ ref('organisations') }} as organisations on held.business_id = organisations.business_id
left join {{ ref('role_forms') }} as forms
    on held.role_code = forms.role_code
    and forms.form = case organisations.legal_form_letters
        when 'AY' then 'general_partnership' when 'KY' then 'limited_partnership' else organisations.legal_form_group
    end
{%- endmacro %}

{#- `select * from responsible_persons_as_of(date '2026-01-31')`: who held which role on that day, as was known on that day.
    `responsible_persons_in_office(date)`: who held it then, as is known now; registers tell of years before the first load. -#}
{% macro create_responsible_persons_as_of() -%}
create or replace macro {{ this.schema }}.responsible_persons_as_of(as_of_date) as table
select history.*
from {{ this.schema }}.responsible_person_history as history
where history.valid_from <= as_of_date and (history.valid_to is null or history.valid_to > as_of_date)
    and history.started_on <= as_of_date and (history.ended_on is null or history.ended_on >= as_of_date)
    and {{ is_not_withheld('history.person_id') }};
create or replace macro {{ this.schema }}.responsible_persons_in_office(on_date) as table
select history.*
from {{ this.schema }}.responsible_person_history as history
where history.valid_to is null
    and history.started_on <= on_date and (history.ended_on is null or history.ended_on >= on_date)
    and {{ is_not_withheld('history.person_id') }}
{%- endmacro %}

{#- A field of a person's place as corrected (join enr_person_corrections as corrections), else as told. -#}
{% macro corrected(field, told) -%}
    if(corrections.{{ field }} is not null, corrections.{{ field }}.value, {{ told }})
{%- endmacro %}
