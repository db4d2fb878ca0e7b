{#- The standing gates in their order: seed gates.csv says what each is for, marketing_contacts holds the same list as a constraint
    (tests/test_gates.py compares the three). -#}
{% macro standing_gates() -%}
    {{ return([
        'SAFETY', 'ERASED', 'OBJECTION_PERSON', 'OBJECTION_ORGANISATION', 'OBJECTION_CHANNEL', 'EXTERNAL_LIST', 'REVIEW',
        'ROLE_EXCLUDED', 'ORGANISATION_STATUS', 'NOTICE_DUE', 'LEGAL_FORM_CHANNEL', 'STALE',
    ]) }}
{%- endmacro %}

{#- The gate that an objection closes. A channel that was named closes that channel only. -#}
{% macro gate_of_objection(objections) -%}
    case
        when {{ objections }}.kind = 'safety' then 'SAFETY'
        when {{ objections }}.kind = 'erasure' then 'ERASED'
        when {{ objections }}.kind = 'restriction' then 'OBJECTION_PERSON'
        when {{ objections }}.channel is not null or {{ objections }}.scope in ('email', 'phone', 'address') then 'OBJECTION_CHANNEL'
        when {{ objections }}.scope = 'person' then 'OBJECTION_PERSON'
        else 'OBJECTION_ORGANISATION'
    end
{%- endmacro %}

{#- Kinds of keys that say who somebody is. `name` alone does not: it only asks for a look (gate REVIEW). -#}
{% macro identifying_kinds() -%}
    ('email', 'phone', 'registry', 'name_org', 'name_birth', 'name_domain')
{%- endmacro %}

{#- A key of more persons than this is a switchboard or a shared mailbox: it says of nobody who they are. -#}
{% macro most_holders() -%}
    3
{%- endmacro %}

{#- The spellings of a mention's names: whole, and with the first forename alone, as most people write themselves. `told` has mention_id
    and told_name (a struct of enr_person_mentions.names). -#}
{% macro name_spellings(told) -%}
    select
        mention_id,
        concat_ws(' ', told_name.first_name, told_name.last_name, told_name.full_name) as spelling
    from {{ told }}
    union
    select
        mention_id,
        concat_ws(' ', split_part(trim(told_name.first_name), ' ', 1), told_name.last_name, told_name.full_name) as spelling
    from {{ told }}
{%- endmacro %}

{#- Subject keys of the names found at something that `id` names. `names` has that column, name_key, business_id, birth_date and domain
    (an own one). -#}
{% macro keys_of_names(names, id) -%}
    {%- set made = {
        'name_org': subject_key_name_org('name_key', 'business_id'), 'name_birth': subject_key_name_birth('name_key', 'birth_date'),
        'name_domain': subject_key_name_domain('name_key', 'domain'), 'name': subject_key_name('name_key'),
    } -%}
    {%- for kind, key in made.items() %}
    select
        {{ id }},
        '{{ kind }}' as kind,
        {{ key }} as key
    from {{ names }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
