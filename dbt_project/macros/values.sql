{#- Registers write "nothing" as null, as an absent key and as an empty text. -#}
{% macro text(expression) -%}
    nullif(trim({{ expression }}), '')
{%- endmacro %}

{% macro day(expression) -%}
    try_cast(nullif({{ expression }}, '') as date)
{%- endmacro %}

{#- An entry of a register list is in force while it has no end date. -#}
{% macro in_force(entries, condition) -%}
    list_filter({{ entries }}, lambda x: coalesce(x.endDate, '') = '' and {{ condition }})
{%- endmacro %}

{% macro any_in_force(entries, condition) -%}
    coalesce(len({{ in_force(entries, condition) }}) > 0, false)
{%- endmacro %}

{#- A "c/o" part names somebody, often a private person: it ends a line wherever it starts. -#}
{% macro without_care_of(expression) -%}
    {{ text("regexp_replace(" ~ expression ~ ", '(?i)(^|[\\s,])c/o\\b.*$', '')") }}
{%- endmacro %}

{#- Street line as on an envelope: Katu 10 B 21a; or the post-office box: PL 123. -#}
{% macro street_line(address) -%}
    coalesce(
        'PL ' || {{ text(address ~ ".postOfficeBox") }},
        nullif(concat_ws(
            ' ', {{ without_care_of(address ~ ".street") }}, {{ text(address ~ ".buildingNumber") }},
            {{ text(address ~ ".entrance") }},
            {{ text("concat(" ~ address ~ ".apartmentNumber, " ~ address ~ ".apartmentIdSuffix)") }}
        ), '')
    )
{%- endmacro %}

{#- In a free (foreign) address spaces became underscores and line breaks became spaces: back to lines. -#}
{% macro free_address_lines(address) -%}
    list_filter(
        list_transform(
            string_split({{ address }}.freeAddressLine, ' '),
            lambda line: {{ without_care_of("replace(line, '_', ' ')") }}
        ),
        lambda line: line is not null
    )
{%- endmacro %}

{% macro town(address, language) -%}
    list_filter({{ address }}.postOffices, lambda x: x.languageCode = '{{ language }}')[1].city
{%- endmacro %}
