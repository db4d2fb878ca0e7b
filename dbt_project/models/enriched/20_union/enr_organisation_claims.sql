-- What every source says of an organisation, one shape, one row per organisation, source and load.
-- A new source adds its enr_<source>_... here; what it does not know it leaves out (union by name fills with null).
select * from {{ ref('enr_ytj_companies') }}
