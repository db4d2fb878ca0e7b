{#- The name of a public body in a language: the kind of name that displayNameType says is shown; else its Name, else what
    there is (some have an AlternativeName only). -#}
{% macro ptv_name(language) -%}
    {{ text("coalesce(
        list_filter(organizationNames, lambda n: n.language = '" ~ language ~ "' and n.type = coalesce(
            list_filter(displayNameType, lambda d: d.language = '" ~ language ~ "')[1].type, 'Name'))[1].value,
        list_filter(organizationNames, lambda n: n.language = '" ~ language ~ "' and n.type = 'Name')[1].value,
        list_filter(organizationNames, lambda n: n.language = '" ~ language ~ "')[1].value)") }}
{%- endmacro %}

{#- A text that PTV gives per language ({language, value} in any order); a language that is missing stays null. -#}
{% macro in_language(texts, language) -%}
    {{ text("list_filter(" ~ texts ~ ", lambda t: t.language = '" ~ language ~ "' and t.value <> '')[1].value") }}
{%- endmacro %}
