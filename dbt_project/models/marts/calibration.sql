-- Whether p_current is right: what was predicted without the last wave against what that wave found, in ten classes of probability.
with cut as (

    select today - interval '{{ var("held_out_days") }} days' as cut_on
    from {{ ref('enr_today') }}

),

strength as (

    select
        intervals.channel,
        intervals.person_id,
        intervals.business_id,
        intervals.from_day,
        min(strengths.remaining) as remaining
    from {{ ref('enr_decay_intervals') }} as intervals
    inner join {{ ref('enr_link_signals') }} as signals
        on
            intervals.person_id = signals.person_id and intervals.business_id = signals.business_id
            and intervals.from_day < signals.signalled_on and intervals.to_day >= signals.signalled_on
    inner join {{ ref('enr_signal_strength') }} as strengths on signals.signal = strengths.signal
    where intervals.channel = 'link'
    group by intervals.channel, intervals.person_id, intervals.business_id, intervals.from_day

),

predicted as (

    select
        intervals.channel,
        not intervals.is_failed as has_held,
        {{ still_holds('coalesce(cell.yearly_rate, whole.yearly_rate)', 'intervals.to_day - intervals.from_day') }}
        * coalesce(strength.remaining, 1) as p
    from {{ ref('enr_decay_intervals') }} as intervals
    cross join cut
    {{ decay_rate_joins(
        ref('enr_decay_rates_held_out'), 'intervals.channel', 'intervals.staff_band', 'intervals.industry_section', 'intervals.area_code'
    ) }}
    left join strength
        on
            intervals.channel = strength.channel and intervals.person_id = strength.person_id
            and intervals.business_id = strength.business_id and intervals.from_day = strength.from_day
    where intervals.to_day > cut.cut_on

)

select
    channel,
    least(floor(p * 10), 9)::integer as probability_class,
    count(*) as looked_at,
    avg(p) as predicted,
    avg(if(has_held, 1.0, 0.0)) as observed,
    avg(pow(p - if(has_held, 1.0, 0.0), 2)) as brier_score
from predicted
group by channel, probability_class
