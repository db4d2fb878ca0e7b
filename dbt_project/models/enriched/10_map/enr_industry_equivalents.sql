-- The 2025 classification replaced that of 2008 on 2026-01-01: for each 2025 code, the codes it had; for each 2008 code
-- with a single target, what it became. A code that splits has no single answer and gets none.
with crosswalk as (

    select * from {{ ref('industry_crosswalk') }}

)

select
    'TOIMI4' as code_set,
    code_2025 as code_told,
    code_2025,
    'registry' as code_source,
    list_sort(list(distinct code_2008)) as codes_2008
from crosswalk
group by code_2025

union all by name

select
    'TOIMI3' as code_set,
    code_2008 as code_told,
    if(count(distinct code_2025) = 1, min(code_2025), null) as code_2025,
    if(count(distinct code_2025) = 1, 'crosswalk', null) as code_source,
    [code_2008] as codes_2008
from crosswalk
group by code_2008
