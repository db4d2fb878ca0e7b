-- evolved(first, last, day, share, gap): the organisations with those numbers, `gap` days later. Each organisation in the bulk meets an event a day with chance
-- 0.85 * share (the other 0.15 are newly founded ones), one event at most in a gap, dated within it; one whose record stays the same may still be written in another order.

CREATE MACRO evolved(first, last, day, share, gap) AS TABLE
WITH fated AS (
    SELECT
        *,
        CASE
            WHEN is_historic THEN 'none'
            -- Gone for a while: back the next day or a later one. A few ceased companies come back to life.
            WHEN NOT in_bulk AND status <> 'ceased' THEN if(chance(number, 'returns' || day, within(0.6, gap)), 'reappeared', 'none')
            WHEN NOT in_bulk THEN if(chance(number, 'revived' || day, within(0.05, gap)), 'reappeared', 'none')
            WHEN NOT chance(number, 'event' || day, within(share * 0.85, gap)) THEN 'none'
            WHEN status = 'ceased' THEN 'ceased'
            ELSE pick(getvariable('events'), number, 'which event' || day)
        END AS fate
    FROM organisation
    WHERE number >= first AND number < last
),
-- An event that makes no sense for this organisation does not happen.
eligible AS (
    SELECT
        f.* EXCLUDE (fate),
        CASE
            WHEN fate IN ('bankrupt', 'restructuring') AND (status <> 'active' OR f.legal_form_code IN ('2', '10', '56')) THEN 'none'
            WHEN fate = 'liquidation' AND status <> 'active' THEN 'none'
            WHEN fate IN ('website', 'employer') AND f.legal_form_code IN ('2', '10', '56') THEN 'moved'
            WHEN fate = 'industry' AND (i.code = tol_2025_code OR tol_2025_code IS NULL OR f.legal_form_code IN ('2', '10', '56')) THEN 'moved'
            WHEN fate = 'website' AND website = website_of(coined_name(number, 'website' || day, is_swedish)) THEN 'none'
            ELSE fate
        END AS fate,
        day_within(number, 'when', day, gap) AS happened_on,
        i.code AS new_industry,
        h.postcode AS new_postcode,
        h.municipality_code AS new_municipality_code,
        if(is_swedish, h.place_sv, h.place_fi) AS new_place
    FROM fated AS f
    LEFT JOIN industry_slot AS i ON fate = 'industry' AND i.slot = dice(number, 'industry' || day, getvariable('industry_slots'))
    LEFT JOIN home_slot AS h ON fate IN ('moved', 'renamed', 'industry', 'website', 'employer') AND h.slot = dice(number, 'home' || day, getvariable('home_slots'))
)
SELECT
    * EXCLUDE (fate, happened_on, new_industry, new_postcode, new_municipality_code, new_place)
    REPLACE (
        if(fate = 'renamed', official_name(number, 'name' || day, legal_form_code, is_swedish, new_place), name) AS name,
        if(fate = 'renamed', happened_on, name_since) AS name_since,
        if(fate = 'renamed', name, former_name) AS former_name,
        CASE fate WHEN 'bankrupt' THEN 'bankruptcy' WHEN 'liquidation' THEN 'liquidation' WHEN 'restructuring' THEN 'restructuring' WHEN 'ceased' THEN 'ceased' WHEN 'reappeared' THEN if(status = 'ceased', 'active', status) ELSE status END AS status,
        CASE fate WHEN 'bankrupt' THEN 'KONK' WHEN 'liquidation' THEN 'SELTILA' WHEN 'restructuring' THEN 'SANE' WHEN 'ceased' THEN NULL ELSE situation END AS situation,
        if(fate IN ('bankrupt', 'liquidation', 'restructuring'), happened_on, situation_since) AS situation_since,
        if(fate = 'ceased' AND ended_on IS NULL, happened_on, if(fate = 'reappeared', NULL, ended_on)) AS ended_on,
        if(fate = 'industry', 'TOIMI4', industry_code_set) AS industry_code_set,
        if(fate = 'industry', new_industry, industry_code) AS industry_code,
        if(fate = 'industry', new_industry, tol_2025_code) AS tol_2025_code,
        if(fate = 'industry', happened_on, industry_since) AS industry_since,
        if(fate = 'website', website_of(coined_name(number, 'website' || day, is_swedish)), website) AS website,
        if(fate = 'website', happened_on, website_since) AS website_since,
        if(fate = 'employer' AND employer_since IS NULL, happened_on, if(fate IN ('employer', 'ceased'), NULL, employer_since)) AS employer_since,
        if(fate IN ('employer', 'ceased') AND employer_since IS NOT NULL, happened_on, employer_until) AS employer_until,
        if(fate = 'moved', new_municipality_code, municipality_code) AS municipality_code,
        if(fate = 'moved', new_postcode, home_postcode) AS home_postcode,
        if(fate = 'moved', domestic_address(number, 'visiting' || day, is_swedish, new_postcode, happened_on), visiting) AS visiting,
        if(fate = 'moved', if(postal.co IS NULL, domestic_address(number, 'visiting' || day, is_swedish, new_postcode, happened_on), postal), postal) AS postal,
        CASE WHEN fate IN ('ceased', 'disappeared') THEN false WHEN fate = 'reappeared' THEN true ELSE in_bulk END AS in_bulk,
        CASE WHEN fate IN ('none', 'disappeared') OR (fate = 'reappeared' AND status <> 'ceased') THEN last_modified ELSE happened_on + to_seconds(dice(number, 'second' || day, 86400)) END AS last_modified,
        if(fate = 'none' AND in_bulk AND chance(number, 'reshuffled' || day, 0.002), hash(number, day) // 1024, order_key)::BIGINT AS order_key,
        if(fate IN ('industry', 'website', 'employer'), 'changed', fate) AS event,
        if(fate IN ('industry', 'website', 'employer'), fate, NULL) AS changed_field,
        fate = 'none' AND in_bulk AND chance(number, 'reshuffled' || day, 0.002) AS is_reshuffled
    )
FROM eligible;
