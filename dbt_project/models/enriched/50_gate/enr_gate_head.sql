{{ config(materialized='table', tags=['gates']) }}

-- The state of the ledger that the gates were proven against.
select
    seq,
    version
from {{ ref('stg_ledger__head') }}
