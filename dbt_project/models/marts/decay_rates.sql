-- How fast what we know goes out of date, estimated from our own waves, bounces and register events.
select * exclude (valid_from, valid_to)
from {{ ref('decay_rate_history') }}
where valid_to is null
