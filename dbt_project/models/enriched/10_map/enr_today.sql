-- The last day any accepted load speaks of: what "now" means to the marts, whatever clock the build runs by.
select max(as_of) as today
from {{ ref('stg_lake__manifests') }}
where verdict = 'accepted'
