-- Every chance in the made-up Finland. A draw depends on the seed, a number (who) and a purpose (what for) and on nothing else:
-- no random(), no order of rows, no threads. So the same seed gives the same world, and a new draw never disturbs the others.

-- The top bits of the hash are the better mixed ones.
CREATE MACRO dice(who, purpose, sides) AS ((hash(who, purpose, getvariable('seed')) >> 11) % sides)::INTEGER;
CREATE MACRO chance(who, purpose, share) AS dice(who, purpose, 1000000) < share * 1000000;
CREATE MACRO pick(list, who, purpose) AS list[1 + dice(who, purpose, len(list))];
-- What is so likely in a day, within several; and on which day before `day` it was.
CREATE MACRO within(share, days) AS if(days = 1, share, 1 - pow(1 - share, days));
CREATE MACRO day_within(who, purpose, day, days) AS (day - 1 - if(days = 1, 0, dice(who, purpose || day, days)))::DATE;
CREATE MACRO day_back(who, purpose, day, most_days) AS (day - 1 - dice(who, purpose, most_days))::DATE;

-- Business ids of made-up organisations lie in 8000000-9999999, see base/made_up.py. Number -> id is a bijection:
-- the first six digits and one of nine seventh digits follow from the slot; the seventh digit whose remainder would be 1 (never
-- issued) is skipped. 1,234,577 has no factor in common with 1,800,000, so the affine step visits every slot once.
CREATE MACRO id_slot(number) AS (number * 1234577 + 456789) % 1800000;
CREATE MACRO id_weighted_prefix(prefix) AS
    7 * (prefix // 100000) + 9 * (prefix // 10000 % 10) + 10 * (prefix // 1000 % 10)
    + 5 * (prefix // 100 % 10) + 8 * (prefix // 10 % 10) + 4 * (prefix % 10);
CREATE MACRO id_body(prefix, choice) AS
    prefix * 10 + choice + (choice >= (6 * (12 - id_weighted_prefix(prefix) % 11)) % 11)::INTEGER;
CREATE MACRO id_check_digit(body) AS
    (11 - (id_weighted_prefix(body // 10) + 2 * (body % 10)) % 11) % 11;
CREATE MACRO business_id(number) AS
    concat(
        id_body(800000 + id_slot(number) // 9, id_slot(number) % 9), '-',
        id_check_digit(id_body(800000 + id_slot(number) // 9, id_slot(number) % 9))
    );

-- Weighted draws: a table of numbered slots each, as many slots per value as its weight.
CREATE TABLE form_slot AS
SELECT
    row_number() OVER (ORDER BY code, copy) - 1 AS slot,
    code
FROM (SELECT code, unnest(range(weight)) AS copy FROM form_weight);

-- Towns of the size classes are drawn by weight, their postal codes evenly.
CREATE TABLE home_slot AS
WITH places AS (
    SELECT
        p.postcode,
        p.municipality_code,
        m.name_fi AS place_fi,
        m.name_sv AS place_sv,
        m.language_code,
        coalesce(w.weight, 10)::DOUBLE
        / count(*) OVER (PARTITION BY p.municipality_code) AS weight
    FROM reference.postal_codes AS p
    INNER JOIN reference.municipalities AS m ON p.municipality_code = m.code
    LEFT JOIN town_weight AS w ON p.municipality_code = w.code
    WHERE p.type_code = '1'
)
SELECT
    row_number() OVER (ORDER BY postcode, copy) - 1 AS slot,
    * EXCLUDE (copy, weight)
FROM (SELECT *, unnest(range(greatest(1, round(weight * 4))::INTEGER)) AS copy FROM places);

CREATE TABLE box_postcodes AS
SELECT municipality_code, list(postcode ORDER BY postcode) AS postcodes
FROM reference.postal_codes
WHERE type_code = '2'
GROUP BY municipality_code;

CREATE TABLE corporate_postcodes AS
SELECT list(postcode ORDER BY postcode) AS postcodes
FROM reference.postal_codes
WHERE type_code = '3';

-- Industries: sections by weight, within a section five-digit codes evenly. code_2008 is one of the old codes that lead to it.
CREATE TABLE industry_slot AS
WITH codes AS (
    SELECT
        i.code,
        w.weight::DOUBLE / count(*) OVER (PARTITION BY i.section_code) AS weight
    FROM reference.industries AS i
    INNER JOIN section_weight AS w ON i.section_code = w.section
    WHERE i.level = '5'
)
SELECT
    row_number() OVER (ORDER BY codes.code, copy) - 1 AS slot,
    codes.code,
    coalesce(old.code_2008, '70220') AS code_2008
FROM (SELECT code, unnest(range(greatest(1, round(weight * 10))::INTEGER)) AS copy FROM codes) AS codes
LEFT JOIN (
    SELECT code_2025, min(code_2008) AS code_2008
    FROM reference.industry_crosswalk
    WHERE len(code_2008) = 5
    GROUP BY code_2025
) AS old ON codes.code = old.code_2025;

-- First name and surname are drawn apart from each other: every full name is a chance combination.
CREATE TABLE person_slot AS
SELECT
    row_number() OVER (PARTITION BY is_surname ORDER BY name, copy) - 1 AS slot,
    is_surname,
    name
FROM (
    SELECT
        kind = 'surname' AS is_surname,
        name,
        unnest(range(greatest(1, bearers::INTEGER // 200))) AS copy
    FROM reference.person_names
);

SET VARIABLE form_slots = (SELECT count(*) FROM form_slot);
SET VARIABLE home_slots = (SELECT count(*) FROM home_slot);
SET VARIABLE industry_slots = (SELECT count(*) FROM industry_slot);
SET VARIABLE first_name_slots = (SELECT count(*) FROM person_slot WHERE NOT is_surname);
SET VARIABLE surname_slots = (SELECT count(*) FROM person_slot WHERE is_surname);
SET VARIABLE corporate_codes = (SELECT postcodes FROM corporate_postcodes);

-- Names. `who` and `purpose` as in dice: a renamed company draws with another purpose.
CREATE MACRO coined_name(who, purpose, is_swedish) AS
    CASE
        WHEN is_swedish THEN pick(getvariable('first_sv'), who, purpose || 'a') || pick(getvariable('last_sv'), who, purpose || 'b')
        ELSE pick(getvariable('first_fi'), who, purpose || 'a') || pick(getvariable('last_fi'), who, purpose || 'b')
    END;
CREATE MACRO trade(who, purpose, is_swedish) AS
    if(is_swedish, pick(getvariable('trades_sv'), who, purpose || 'c'), pick(getvariable('trades_fi'), who, purpose || 'c'));
CREATE MACRO firm_name(who, purpose, is_swedish, place) AS
    CASE dice(who, purpose || 'shape', 8)
        WHEN 0 THEN concat_ws(' ', place, trade(who, purpose, is_swedish))
        WHEN 1 THEN concat_ws(' ', place, coined_name(who, purpose, is_swedish))
        WHEN 2 THEN coined_name(who, purpose, is_swedish)
        WHEN 3 THEN concat_ws(' ', coined_name(who, purpose, is_swedish), 'Group')
        ELSE concat_ws(' ', trade(who, purpose, is_swedish), coined_name(who, purpose, is_swedish))
    END;
CREATE MACRO house_name(who, purpose, is_swedish) AS
    concat(
        if(is_swedish, pick(getvariable('houses_sv'), who, purpose), pick(getvariable('houses_fi'), who, purpose)),
        if(chance(who, purpose || 'numbered', 0.3), ' ' || (1 + dice(who, purpose || 'number', 9)), '')
    );
-- Under .example (RFC 2606): a made-up address must never be somebody's real one.
CREATE MACRO website_of(name) AS
    concat('www.', regexp_replace(translate(lower(name), 'äöåé ', 'aoae-'), '[^a-z0-9-]', '', 'g'), '.example');
