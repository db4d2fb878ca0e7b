{{ config(materialized='table') }}

-- The areas of responsibility of each link and span of days: what the firm stated or the interviewer coded, else what the title
-- suggests, else none that is known (UNCLASSIFIED, a question for the next survey).
with classified as (

    select
        title_told,
        language_code,
        area_code,
        level,
        confidence
    from {{ ref('enr_title_classification') }}

),

levels as (

    select
        title_told,
        language_code,
        any_value(level) as level
    from classified
    group by title_told, language_code

),

surveyed as (

    select
        person_id,
        business_id,
        valid_from,
        valid_to,
        mention_id,
        title,
        coalesce(language_code, 'und') as language_code,
        area_codes,
        area_source
    from {{ ref('enr_surveyed_links') }}

),

stated as (

    select
        person_id,
        business_id,
        valid_from,
        valid_to,
        mention_id,
        title,
        language_code,
        unnest(list_distinct(area_codes)) as area_code,
        area_source,
        1.0 as confidence
    from surveyed
    where len(area_codes) > 0

),

titled as (

    select
        surveyed.person_id,
        surveyed.business_id,
        surveyed.valid_from,
        surveyed.valid_to,
        surveyed.mention_id,
        surveyed.title,
        surveyed.language_code,
        coalesce(classified.area_code, 'UNCLASSIFIED') as area_code,
        'title' as area_source,
        coalesce(classified.confidence, 0) as confidence
    from surveyed
    left join classified
        on surveyed.title = classified.title_told and surveyed.language_code = classified.language_code and classified.area_code is not null
    where len(surveyed.area_codes) = 0

),

unioned as (

    select * from stated
    union all by name
    select * from titled

)

select
    unioned.person_id,
    unioned.business_id,
    unioned.area_code,
    unioned.valid_from,
    unioned.valid_to,
    unioned.mention_id,
    levels.level,
    unioned.area_source,
    unioned.confidence::double as confidence
from unioned
left join levels on unioned.title = levels.title_told and unioned.language_code = levels.language_code
