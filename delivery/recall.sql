-- What recipients have to be told of rows that they have: who may no longer be reached, is no longer there, or was corrected.
-- `held`: row_id, person_id, business_id, channels (told), told_at. `corrected`: person_id, business_id, made_at.
with passing as (

    select
        held.row_id,
        list(contacts.channel order by contacts.channel) filter (contacts.value is not null) as channels,
        bool_or(contacts.channel is not null) as is_there
    from held
    left join {contacts} as contacts
        on held.person_id is not distinct from contacts.person_id and held.business_id = contacts.business_id
    group by held.row_id

),

news as (

    select distinct held.row_id
    from held
    inner join corrected
        on
            held.told_at < corrected.made_at
            and (corrected.person_id is null or held.person_id = corrected.person_id)
            and (corrected.business_id is null or held.business_id = corrected.business_id)

)

select
    held.row_id,
    held.person_id,
    held.business_id,
    concat(coalesce(held.person_id, ''), '|', held.business_id) as target_id,
    case
        when not passing.is_there or (len(coalesce(passing.channels, [])) = 0 and not {keeps_closed}) then 'POISTO'
        -- Two persons who turned out to be one: the row that was told last stays.
        when row_number() over by_owner > 1 then 'YHDISTETTY'
        else 'MUUTOS'
    end as operation,
    if(operation = 'YHDISTETTY', first_value(held.row_id) over by_owner, null) as merged_into,
    coalesce(passing.channels, []) as channels
from held
inner join passing on held.row_id = passing.row_id
left join news on held.row_id = news.row_id
where
    news.row_id is not null
    or not passing.is_there
    or len(list_filter(held.channels, lambda channel: not list_contains(passing.channels, channel))) > 0
window by_owner as (partition by held.person_id, held.business_id order by held.told_at desc, held.row_id)
order by held.row_id
