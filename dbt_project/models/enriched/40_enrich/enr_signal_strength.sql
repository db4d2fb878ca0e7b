{{ config(materialized='table') }}

-- What is left of a link's probability after a signal, against what time alone would have left: seen in intervals with exactly
-- this signal, shrunk towards decay_seeds.
with seen as (

    select
        signals.signal,
        intervals.person_id,
        intervals.business_id,
        intervals.from_day,
        any_value(intervals.is_failed) as is_failed,
        any_value({{ still_holds('coalesce(cell.yearly_rate, whole.yearly_rate)', 'intervals.to_day - intervals.from_day') }}) as expected
    from {{ ref('enr_decay_intervals') }} as intervals
    inner join {{ ref('enr_link_signals') }} as signals
        on
            intervals.person_id = signals.person_id and intervals.business_id = signals.business_id
            and intervals.from_day < signals.signalled_on and intervals.to_day >= signals.signalled_on
    {{ decay_rate_joins(ref('decay_rates'), 'intervals.channel', 'intervals.staff_band', 'intervals.industry_section', 'intervals.area_code') }}
    where intervals.channel = 'link'
    group by signals.signal, intervals.person_id, intervals.business_id, intervals.from_day

),

counted as (

    select
        signal,
        count(*) as times,
        sum(if(is_failed, 0, 1)) as held,
        sum(expected) as expected
    from seen
    group by signal

)

select
    assumed.code as signal,
    coalesce(counted.times, 0) as times,
    coalesce(counted.held, 0) as held,
    least(
        1, (coalesce(counted.held, 0) + assumed.weight * assumed.probability) / (coalesce(counted.expected, 0) + assumed.weight)
    ) as remaining
from {{ ref('decay_seeds') }} as assumed
left join counted on assumed.code = counted.signal
where assumed.kind = 'signal'
