{{ config(materialized='table') }}

-- Nodes that share what speaks for one person: one row per piece of evidence and node. A group whose members cannot all be one
-- (two numbers of the register, two dates of birth) is ambiguous: it says nothing of who is which of them.
--
-- Never a name alone across organisations: beside the name stands a date of birth, a contact point of one's own, or the
-- organisation. `shared` is a hash of what they share: within one reason only, within one build only.
with contacts as (

    -- A mobile number or a mailbox of one's own; what a whole house answers is nobody's.
    select distinct
        nodes.node,
        mentions.business_id,
        mentions.email as contact,
        mentions.email_kind = 'personal' as is_mailbox
    from {{ ref('enr_person_mentions') }} as mentions
    inner join {{ ref('enr_person_nodes') }} as nodes on mentions.mention_id = nodes.mention_id
    where mentions.email_kind in ('personal', 'free_mail')

    union all

    select distinct
        nodes.node,
        mentions.business_id,
        mentions.phone as contact,
        false as is_mailbox
    from {{ ref('enr_person_mentions') }} as mentions
    inner join {{ ref('enr_person_nodes') }} as nodes on mentions.mention_id = nodes.mention_id
    where mentions.phone_kind = 'mobile'

),

names as (

    select
        *,
        -- Whole: half of one is too little without a surname.
        array_to_string(heads, ' ') as forename
    from {{ ref('enr_person_names') }}

),

-- Two of one forename told at once work there together: there another surname is another person.
namesakes as (

    select
        business_id,
        forename
    from names
    where occasion is not null
    group by business_id, occasion, forename
    having count(distinct surnames[1]) > 1

),

evidence as (

    select
        'birth_and_name' as reason,
        hash(birth_date, unnest(pairs)) as shared,
        null::varchar as business_id,
        node
    from names
    where birth_date is not null

    union all

    select
        'contact_and_name' as reason,
        hash(contacts.contact, unnest(names.pairs)) as shared,
        null::varchar as business_id,
        names.node
    from names
    inner join contacts on names.node = contacts.node

    union all

    select
        'organisation_and_name' as reason,
        hash(business_id, unnest(pairs)) as shared,
        business_id,
        node
    from names

    union all

    -- Who married or divorced has another surname and all the rest as before.
    select
        'organisation_birth_and_forename' as reason,
        hash(business_id, birth_date, forename) as shared,
        business_id,
        node
    from names
    where birth_date is not null and len(forename) > 1

    union all

    select
        'organisation_contact_and_forename' as reason,
        hash(names.business_id, contacts.contact, names.forename) as shared,
        names.business_id,
        names.node
    from names
    inner join contacts on names.node = contacts.node and names.business_id = contacts.business_id
    where len(names.forename) > 1 and not exists (
        select 1 from namesakes
        where namesakes.business_id = names.business_id and namesakes.forename = names.forename
    )

    union all

    -- Half of a double forename, a new surname, a slip: a mailbox in one's own name is still one's own.
    select
        'organisation_mailbox_and_part_of_name' as reason,
        hash(names.business_id, contacts.contact, word) as shared,
        names.business_id,
        names.node
    from names
    inner join contacts on names.node = contacts.node and names.business_id = contacts.business_id and contacts.is_mailbox
    cross join unnest(list_distinct(list_concat(names.heads, names.surnames))) as t (word)
    where len(word) > 1

),

shared_by_several as (

    select
        reason,
        shared
    from evidence
    group by reason, shared
    having min(node) <> max(node)

),

members as (

    select distinct
        evidence.reason,
        evidence.shared,
        evidence.business_id,
        evidence.node
    from evidence
    semi join shared_by_several on evidence.reason = shared_by_several.reason and evidence.shared = shared_by_several.shared

),

known as (

    select distinct
        node,
        register_person_id,
        birth_date
    from {{ ref('enr_person_nodes') }}
    where register_person_id is not null or birth_date is not null

),

identified as (

    select
        members.*,
        known.register_person_id,
        known.birth_date
    from members
    left join known on members.node = known.node

),

ambiguous as (

    select
        reason,
        shared
    from identified
    group by reason, shared
    having min(register_person_id) <> max(register_person_id) or min(birth_date) <> max(birth_date)

)

select
    identified.reason,
    identified.shared,
    identified.business_id,
    identified.node,
    identified.register_person_id is not null or identified.birth_date is not null as is_identified,
    ambiguous.reason is not null as is_ambiguous
from identified
left join ambiguous on identified.reason = ambiguous.reason and identified.shared = ambiguous.shared
