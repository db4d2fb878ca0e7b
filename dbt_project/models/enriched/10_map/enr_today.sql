-- The last day any accepted load speaks of: what "now" means to the marts, whatever clock the build runs by. What people have decided
-- is no news of the world.
select max(as_of) as today
from {{ ref('stg_lake__manifests') }}
where verdict = 'accepted' and source_name <> 'ledger'
