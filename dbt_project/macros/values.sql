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

{#- A field of the current one of versioned entries: that in force; when all have ended (a ceased company) the one that ended
    last; the lowest version first (1 = current). The order of the list says nothing. -#}
{% macro current_of(entries, field) -%}
    list_sort(list_transform({{ entries }}, lambda x: struct_pack(
        has_ended := coalesce(x.endDate, '') <> '',
        ended := -coalesce(epoch({{ day('x.endDate') }}), 0),
        version := x.version,
        field := x.{{ field }}
    )))[1].field
{%- endmacro %}

{#- A "c/o" part names somebody, often a private person: it ends a line wherever it starts. -#}
{% macro without_care_of(expression) -%}
    {{ text("regexp_replace(" ~ expression ~ ", '(?i)([^\\pL\\pN]+|^)(c\\s*[/\\\\]\\s*o|℅).*$', '')") }}
{%- endmacro %}

{#- Street line as on an envelope: Katu 10 B 21a. -#}
{% macro street_line(address) -%}
    {{ without_care_of("concat_ws(' ', " ~ [
        text(address ~ ".street"), text(address ~ ".buildingNumber"), text(address ~ ".entrance"),
        text("concat(" ~ address ~ ".apartmentNumber, " ~ address ~ ".apartmentIdSuffix)"),
    ] | join(', ') ~ ")") }}
{%- endmacro %}

{#- In a free (foreign) address spaces became underscores and line breaks became spaces: back to lines. A line that is only
    "c/o" takes the next one, which holds the name, with it. -#}
{% macro free_address_lines(address) -%}
    list_filter(
        list_transform(
            string_split(regexp_replace({{ address }}.freeAddressLine, '(?i)(^| )_*c_*[/\\]_*o[_:]* ', '\1c/o_', 'g'), ' '),
            lambda line: {{ without_care_of("replace(line, '_', ' ')") }}
        ),
        lambda line: line is not null
    )
{%- endmacro %}

{#- Post offices come once per language in any order; one language may be missing. -#}
{% macro town(address, language) -%}
    {{ text("coalesce(list_filter(" ~ address ~ ".postOffices, lambda x: x.languageCode = '" ~ language ~ "')[1], "
        ~ address ~ ".postOffices[1]).city") }}
{%- endmacro %}

{% macro municipality(address) -%}
    list_filter({{ address }}.postOffices, lambda x: x.municipalityCode <> '')[1].municipalityCode
{%- endmacro %}

{#- The parts of an address as one value, so that a street is never of one source and its post code of another; null when
    nothing is told of it. `parts`: part -> expression; by default columns <kind>_<part>. -#}
{% macro told_address(kind, parts=none) -%}
    {%- set names = ['street', 'box', 'postcode', 'town_fi', 'town_sv', 'municipality_code', 'foreign_lines', 'country'] -%}
    {%- set told = {} -%}
    {%- for name in names -%}
        {%- set kind_of = 'varchar[]' if name == 'foreign_lines' else 'varchar' -%}
        {%- do told.update({name: kind ~ '_' ~ name if parts is none else parts.get(name, 'cast(null as ' ~ kind_of ~ ')')}) -%}
    {%- endfor -%}
    if(
        coalesce({{ told.street }}, {{ told.box }}, {{ told.postcode }}, {{ told.foreign_lines }}[1]) is null, null,
        struct_pack(
            {%- for name in names %}
            {{ name }} := {{ told[name] }}{{ ',' if not loop.last }}
            {%- endfor %}
        )
    )
{%- endmacro %}
