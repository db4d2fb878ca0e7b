{#- Keys of subjects, as ledger/subjects.py makes them: keyed('subject', '<kind>|<normal form>'); null of what has no normal form. -#}
{% macro subject_key(kind, normal_form) -%}
    keyed('subject', '{{ kind }}|' || {{ normal_form }})
{%- endmacro %}

{% macro subject_key_email(address) -%}
    {{ subject_key('email', normal_email_key(address)) }}
{%- endmacro %}

{% macro subject_key_phone(number) -%}
    {{ subject_key('phone', normal_phone_key(number)) }}
{%- endmacro %}

{% macro subject_key_registry(register_person_id) -%}
    {{ subject_key('registry', register_person_id) }}
{%- endmacro %}

{#- name_key: one of data_name_keys(name). -#}
{% macro subject_key_name_org(name_key, business_id) -%}
    {{ subject_key('name_org', name_key ~ " || '|' || " ~ business_id) }}
{%- endmacro %}

{% macro subject_key_name_birth(name_key, birth_date) -%}
    {{ subject_key('name_birth', name_key ~ " || '|' || strftime(" ~ birth_date ~ ", '%Y-%m-%d')") }}
{%- endmacro %}

{#- domain: an own one, never free mail; see own_domain. -#}
{% macro subject_key_name_domain(name_key, domain) -%}
    {{ subject_key('name_domain', name_key ~ " || '|' || " ~ domain) }}
{%- endmacro %}

{% macro subject_key_organisation(business_id) -%}
    {{ subject_key('organisation', business_id) }}
{%- endmacro %}

{% macro subject_key_domain(domain) -%}
    {{ subject_key('domain', domain) }}
{%- endmacro %}

{#- address_key: as base.normalise.address_key makes it. -#}
{% macro subject_key_address(address_key, postcode) -%}
    {{ subject_key('address', address_key ~ " || '|' || " ~ postcode) }}
{%- endmacro %}

{#- Finds nobody by itself: for review only. -#}
{% macro subject_key_name(name_key) -%}
    {{ subject_key('name', name_key) }}
{%- endmacro %}

{#- Whether a name has a letter that is also written as another one, which folding does not undo (Åberg, Oberg). -#}
{% macro is_ambiguous_name(name) -%}
    regexp_matches(lower(nfc_normalize({{ name }})), '[åæøœüßšžþ]')
{%- endmacro %}

{#- Keys of a name on the side of the data, as a list: the folded one, and all (ledger/dbt_plugin.py) when the name is ambiguous.
    Models do the same in two steps: sqlfluff cannot read so deep an expression. -#}
{% macro data_name_keys(name) -%}
    if(
        {{ is_ambiguous_name(name) }},
        name_keys({{ name }}),
        list_filter([{{ normal_name_fold(name) }}], lambda one: one is not null)
    )
{%- endmacro %}
