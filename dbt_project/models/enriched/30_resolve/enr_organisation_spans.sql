-- The days on which each claim is the last word of its record. A record that disappears keeps what it last told (is_gone).
{{ config(materialized='table') }}

with claims as (

    select * from {{ ref('enr_organisation_claims') }}
    {%- if is_day_increment() %}
    where (source_name, record_id) in (
        select distinct (source_name, record_id)
        from {{ ref('enr_organisation_claims') }}
        where business_id in (select business_id from {{ ref('enr_affected_organisations') }})
    )
    {%- endif %}

),

-- On a full build nearly every record has told one thing only: no window needs to sort those.
lone as (

    select
        source_name,
        record_id
    from claims
    group by all
    having count(*) = 1

),

-- Two loads of one day: the later one is what is true of that day; the search, which tells more, comes after the bulk.
many as (

    select
        claims.*,
        last_value(if(op = 'D', null, struct_pack(load_id := load_id, business_id := business_id)) ignore nulls) over told as last_told,
        lag(business_id) over told as business_id_before,
        lead(as_of) over told as next_as_of
    from claims
    anti join lone on claims.source_name = lone.source_name and claims.record_id = lone.record_id
    window told as (partition by claims.source_name, claims.record_id order by claims.as_of, claims.load_id)

),

spans as (

    select
        source_name,
        record_id,
        last_told.business_id as business_id,
        business_id_before,
        load_id,
        last_told.load_id as told_in,
        as_of as valid_from,
        next_as_of as valid_to,
        op = 'D' as is_gone,
        is_register
    from many
    where last_told is not null and next_as_of is distinct from as_of

    union all by name

    select
        claims.source_name,
        claims.record_id,
        claims.business_id,
        claims.load_id,
        claims.load_id as told_in,
        claims.as_of as valid_from,
        null as valid_to,
        false as is_gone,
        claims.is_register
    from claims
    semi join lone on claims.source_name = lone.source_name and claims.record_id = lone.record_id
    where claims.op <> 'D'

)

select * from spans
