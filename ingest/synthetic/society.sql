-- What lives in the made-up Finland besides the companies of the trade register: other organisations, people and their tenures.
-- Draws depend on numbers and purposes only (draws.sql), so nothing here changes a byte of what the register of companies gets.

-- Other organisations take the reserved business ids from the end, companies from the beginning: the ranges meet when ids run out.
CREATE MACRO other_number(k) AS 1799999 - k;

-- Telephone numbers pass libphonenumber and reach nobody (INFERRED: 048 is not in subscriber use, no subscriber number of an area
-- begins with 10, and no 029 00 or 010 00 number is given to an organisation).
CREATE MACRO mobile_number(who) AS concat('+35848', lpad(dice(who, 'mobile', 10000000)::VARCHAR, 7, '0'));
CREATE MACRO area_phone(who) AS
    concat('+358', pick(['9', '2', '3', '5', '6', '8', '13', '14', '15', '16', '17', '18', '19'], who, 'area'), '10', lpad(dice(who, 'fixed', 100000)::VARCHAR, 5, '0'));
CREATE MACRO switchboard(who) AS concat('+358', pick(['29', '10'], who, 'uan'), '00', lpad(dice(who, 'switchboard', 100000)::VARCHAR, 5, '0'));
CREATE MACRO organisation_phone(who) AS
    CASE dice(who, 'phone kind', 10) WHEN 0 THEN switchboard(who) WHEN 1 THEN switchboard(who) WHEN 2 THEN area_phone(who) WHEN 3 THEN area_phone(who) ELSE mobile_number(who) END;

-- E-mail and web live under .example (RFC 2606).
CREATE MACRO slug(name) AS
    trim(regexp_replace(regexp_replace(translate(lower(name), 'äöåéüšž', 'aoaeusz'), '[^a-z0-9]+', '-', 'g'), '-+', '-', 'g'), '-');
CREATE MACRO domain_of(number, name) AS concat(coalesce(nullif(left(slug(name), 24), ''), 'firma').rtrim('-'), '-', lower(printf('%x', number)), '.example');

-- How many work there, most of the time 0 or 1; a long tail from employers.
CREATE MACRO tail(who, purpose, least_staff, most) AS
    least(most, floor(least_staff / power(1 - dice(who, purpose, 1000000) / 1000000.0, 0.9)))::INTEGER;
CREATE MACRO staff_of(number, kind, is_employer) AS
    CASE
        WHEN kind IN ('municipality', 'county') THEN tail(number, 'staff', 120, 12000)
        WHEN kind IN ('joint_authority', 'state') THEN tail(number, 'staff', 40, 4000)
        WHEN kind IN ('association', 'foundation') THEN if(chance(number, 'has staff', 0.15), tail(number, 'staff', 1.5, 400), 0)
        WHEN kind = 'sole_trader' THEN if(chance(number, 'has staff', 0.06), tail(number, 'staff', 1, 12), 0)
        WHEN is_employer THEN tail(number, 'staff', 3, 6000)
        ELSE dice(number, 'staff', 2)
    END;

-- People. A person is a number: everything about one follows from it, and the surname from the day as well (some marry).
CREATE TABLE name_list AS
SELECT kind, list(name ORDER BY name, copy) AS names
FROM (SELECT kind, name, unnest(range(greatest(1, bearers::INTEGER // 400))) AS copy FROM reference.person_names)
GROUP BY kind;
SET VARIABLE male_names = (SELECT names FROM name_list WHERE kind = 'first_male');
SET VARIABLE female_names = (SELECT names FROM name_list WHERE kind = 'first_female');
SET VARIABLE surnames = (SELECT names FROM name_list WHERE kind = 'surname');
CREATE MACRO is_woman(person) AS chance(person, 'woman', 0.42);
CREATE MACRO forename(person, which) AS
    if(is_woman(person), pick(getvariable('female_names'), person, 'forename' || which), pick(getvariable('male_names'), person, 'forename' || which));
CREATE MACRO call_name(person) AS
    if(chance(person, 'double forename', 0.05), forename(person, '') || '-' || forename(person, 'b'), forename(person, ''));
CREATE MACRO birth_surname(person) AS
    concat(if(chance(person, 'particle', 0.004), pick(['von ', 'af ', 'de '], person, 'particle'), ''), pick(getvariable('surnames'), person, 'surname'));
CREATE MACRO married_on(person) AS
    if(chance(person, 'marries', if(is_woman(person), 0.35, 0.06)), (DATE '2012-01-01' + dice(person, 'wedding', 7000))::DATE, NULL);
CREATE MACRO nationality_of(person) AS if(chance(person, 'foreigner', 0.06), pick(['SE', 'EE', 'DE', 'RU', 'GB', 'US', 'IN', 'NO'], person, 'nationality'), 'FI');

-- Everybody who holds or held a place, told once: surname_on and the like take a row of it.
CREATE TABLE person (
    person BIGINT, call_name VARCHAR, forenames VARCHAR, birth_surname VARCHAR, married_surname VARCHAR, married_on DATE, born_on DATE,
    nationality VARCHAR, residence VARCHAR, register_id VARCHAR, mobile VARCHAR, mail_forename VARCHAR, private_email VARCHAR
);
CREATE MACRO people(news) AS TABLE
WITH named AS (
    SELECT
        person, call_name(person) AS call_name, birth_surname(person) AS birth_surname, married_on(person) AS married_on,
        pick(getvariable('surnames'), person, 'married') AS other_surname, nationality_of(person) AS nationality
    FROM (SELECT DISTINCT person FROM query_table(news)) AS n
    WHERE person NOT IN (SELECT person FROM person)
)
SELECT
    person,
    call_name,
    concat_ws(' ', call_name, if(chance(person, 'two names', 0.9), forename(person, '2'), NULL), if(chance(person, 'three names', 0.2), forename(person, '3'), NULL)),
    birth_surname,
    if(chance(person, 'keeps both', 0.25), other_surname || '-' || birth_surname, other_surname),
    married_on,
    (DATE '1948-01-01' + dice(person, 'born', 20000))::DATE,
    nationality,
    if(nationality <> 'FI' AND chance(person, 'lives abroad', 0.5), nationality, 'FI'),
    -- The register's own number of a person, for those it could identify.
    if(chance(person, 'not identified', 0.08), NULL, concat('H', lpad(((person * 7919 + 1234567) % 100000000003)::VARCHAR, 12, '0'))),
    mobile_number(person),
    slug(call_name),
    concat(slug(call_name), '.', slug(birth_surname), dice(person, 'mail', 100), '@', pick(['postilaatikko.example', 'kotiposti.example', 'brevlada.example'], person, 'free mail'))
FROM named
ORDER BY person;
CREATE MACRO surname_on(p, day) AS if(p.married_on <= day, p.married_surname, p.birth_surname);
CREATE MACRO work_email(p, day, domain) AS concat(p.mail_forename, '.', slug(surname_on(p, day)), '@', domain);

-- Other organisations.
CREATE TABLE other (
    number BIGINT, business_id VARCHAR, kind VARCHAR, legal_form_code VARCHAR, name VARCHAR, is_swedish BOOLEAN, status VARCHAR,
    industry_code VARCHAR, municipality_code VARCHAR, postcode VARCHAR, place VARCHAR, registered_on DATE, ended_on DATE,
    registration_number VARCHAR, met_on DATE, staff INTEGER, domain VARCHAR, website VARCHAR, visiting STRUCT(street VARCHAR, building VARCHAR, entrance VARCHAR, apartment VARCHAR, suffix VARCHAR, box VARCHAR, postcode VARCHAR, co VARCHAR, country VARCHAR, free_line VARCHAR, since DATE), postal STRUCT(street VARCHAR, building VARCHAR, entrance VARCHAR, apartment VARCHAR, suffix VARCHAR, box VARCHAR, postcode VARCHAR, co VARCHAR, country VARCHAR, free_line VARCHAR, since DATE)
);
-- others(first, last, day, kind): those numbered so, as they are when first met.
CREATE MACRO others(first, last, today, new_kind, is_new) AS TABLE
WITH drawn AS (
    SELECT
        other_number(k) AS number,
        CASE h.language_code WHEN 'sv' THEN true WHEN 'sv_fi' THEN chance(k, 'other swedish', 0.5) WHEN 'fi_sv' THEN chance(k, 'other swedish', 0.08) ELSE false END AS is_swedish,
        h.municipality_code, h.postcode, h.place_fi, h.place_sv, i.code AS industry,
        if(is_new, today - dice(k, 'other registered', 4), today - 2 - dice(k, 'other registered', 12000))::DATE AS registered_on,
        k
    FROM (SELECT unnest(range(first, last)) AS k) AS n
    INNER JOIN home_slot AS h ON h.slot = dice(k, 'other home', getvariable('home_slots'))
    INNER JOIN industry_slot AS i ON i.slot = dice(k, 'other industry', getvariable('industry_slots'))
)
SELECT
    number,
    business_id(number) AS business_id,
    new_kind AS kind,
    CASE new_kind WHEN 'municipality' THEN '41' WHEN 'county' THEN '49' WHEN 'joint_authority' THEN '42' WHEN 'state' THEN '40' WHEN 'association' THEN '6' WHEN 'foundation' THEN '18' ELSE '26' END AS legal_form_code,
    CASE new_kind
        WHEN 'municipality' THEN if(is_swedish, coined_name(number, 'other', true) || if(chance(number, 'town', 0.35), 's stad', 's kommun'), coined_name(number, 'other', false) || if(chance(number, 'town', 0.35), 'n kaupunki', 'n kunta'))
        WHEN 'county' THEN if(is_swedish, coined_name(number, 'other', true) || 's välfärdsområde', coined_name(number, 'other', false) || 'n hyvinvointialue')
        WHEN 'joint_authority' THEN coined_name(number, 'other', false) || pick(['n koulutuskuntayhtymä', 'n jätehuoltokuntayhtymä', 'n liitto', 'n vesikuntayhtymä'], number, 'joint')
        WHEN 'state' THEN pick(['Lupa', 'Kartta', 'Mitta', 'Arkisto', 'Sää', 'Satama', 'Metsä', 'Energia', 'Tieto', 'Koulutus'], number, 'agency') || pick(['virasto', 'keskus', 'laitos', 'hallinto'], number, 'agency kind') || ' ' || coined_name(number, 'other', false)
        WHEN 'association' THEN concat_ws(' ', if(is_swedish, place_sv, place_fi), coined_name(number, 'other', is_swedish), pick(if(is_swedish, ['rf', 'förening rf', 'idrottsklubb rf'], ['ry', 'seura ry', 'kyläyhdistys ry', 'urheilijat r.y.']), number, 'association'))
        WHEN 'foundation' THEN coined_name(number, 'other', is_swedish) || if(is_swedish, 'stiftelsen sr', pick(['-säätiö sr', 'n tukisäätiö sr', 'n säätiö'], number, 'foundation'))
        ELSE if(chance(number, 'own name', 0.4), 'Tmi ' || trade(number, 'other', is_swedish) || ' ' || pick(getvariable('surnames'), number * 4096 + 32, 'surname'), if(is_swedish, 'Firma ', 'Toiminimi ') || trade(number, 'other', is_swedish) || ' ' || coined_name(number, 'other', is_swedish))
    END AS name,
    is_swedish,
    CASE WHEN is_new OR new_kind IN ('municipality', 'county', 'joint_authority', 'state') THEN 'active' WHEN chance(number, 'other ceased', 0.03) THEN 'ceased' ELSE 'active' END AS status,
    CASE new_kind WHEN 'association' THEN '94999' WHEN 'foundation' THEN '94999' WHEN 'sole_trader' THEN industry ELSE '84110' END AS industry_code,
    municipality_code,
    postcode,
    if(is_swedish, place_sv, place_fi) AS place,
    registered_on,
    if(NOT is_new AND new_kind NOT IN ('municipality', 'county', 'joint_authority', 'state') AND chance(number, 'other ceased', 0.03), greatest(registered_on, today - 30), NULL)::DATE AS ended_on,
    if(new_kind = 'association', concat(1 + k // 1000 % 260, '.', lpad((k % 1000)::VARCHAR, 3, '0')), NULL) AS registration_number,
    today AS met_on,
    staff_of(number, new_kind, false) AS staff,
    domain_of(number, coined_name(number, 'other', is_swedish)) AS domain,
    if(new_kind IN ('association', 'sole_trader') AND NOT chance(number, 'other website', 0.25), NULL, 'www.' || domain_of(number, coined_name(number, 'other', is_swedish))) AS website,
    if(new_kind = 'association', NULL, domestic_address(number, 'visiting', is_swedish, postcode, registered_on)) AS visiting,
    if(new_kind = 'association' OR chance(number, 'other postal', 0.2), domestic_address(number, 'postal', is_swedish, postcode, registered_on), domestic_address(number, 'visiting', is_swedish, postcode, registered_on)) AS postal
FROM drawn
ORDER BY number;

-- Everybody: one row per organisation of any kind.
CREATE VIEW entity AS
SELECT
    number, business_id,
    CASE WHEN legal_form_code IN ('2', '10', '56', '3', '4') THEN 'housing' WHEN legal_form_code = '13' THEN 'limited_partnership' WHEN legal_form_code = '5' THEN 'partnership' WHEN legal_form_code = '19' THEN 'branch' WHEN legal_form_code = '18' THEN 'foundation' WHEN legal_form_code = '6' THEN 'association' ELSE 'company' END AS kind,
    legal_form_code, name, is_swedish, status, tol_2025_code AS industry_code, municipality_code, home_postcode AS postcode, visiting, postal,
    coalesce(registered_on, id_given_on) AS registered_on, ended_on, website, employer_since, met_on, is_historic,
    staff_of(number, 'company', employer_since IS NOT NULL) AS staff,
    domain_of(number, coined_name(number, 'name', is_swedish)) AS domain,
    NULL::VARCHAR AS registration_number
FROM organisation
UNION ALL
SELECT
    number, business_id, kind, legal_form_code, name, is_swedish, status, industry_code, municipality_code, postcode,
    visiting, postal, registered_on, ended_on, website, NULL, met_on, false, staff, domain,
    registration_number
FROM other;

-- Tenures: who holds which place where, from when to when. Slots below 16 are places a register knows, 16 to 31 are positions
-- that only the firm itself can tell (an area of responsibility each). Shares of registered places
-- for fewer than ten and for ten or more at work, of positions for fewer than fifty and for fifty or more.
CREATE TABLE place_slot (kind VARCHAR, slot INTEGER, organ VARCHAR, role VARCHAR, small_share DOUBLE, large_share DOUBLE);
INSERT INTO place_slot
SELECT unnest(kinds), slot, organ, role, small_share, large_share
FROM (VALUES
    (['company'], 0, 'HAL', 'PJ', 0.2, 1), (['company'], 1, 'HAL', 'VJ', 1, 1), (['company'], 2, 'HAL', 'J', 1, 1),
    (['company'], 3, 'HAL', 'J', 0.1, 0.8), (['company'], 4, 'HAL', 'J', 0.01, 0.6), (['company'], 5, 'HAL', 'VPJ', 0.005, 0.15),
    (['company'], 6, 'TJ', 'TJ', 0.35, 0.99), (['company'], 7, 'TJS', 'TJS', 0.004, 0.2), (['company'], 8, 'VTJ', 'VTJ', 0.003, 0.1),
    (['company'], 9, 'TIL', 'PTI', 0.08, 0.85), (['company'], 10, 'TIL', 'VT', 0.03, 0.1), (['company'], 11, 'PR', 'PR', 0.02, 0.25),
    (['company'], 13, 'HN', 'PJ', 0, 0.01), (['company'], 14, 'SANS', 'SANS', 0.002, 0.004), (['company'], 15, 'VED', 'S', 0.002, 0.004),
    (['housing'], 0, 'HAL', 'PJ', 1, 1), (['housing'], 1, 'HAL', 'VJ', 1, 1), (['housing'], 2, 'HAL', 'J', 1, 1),
    (['housing'], 3, 'HAL', 'J', 0.8, 0.8), (['housing'], 9, 'TIL', 'T', 0.25, 0.25), (['housing'], 12, 'IS', 'IS', 0.8, 0.8),
    (['limited_partnership'], 0, 'YHM', 'YHM', 1, 1), (['limited_partnership'], 2, 'YHM', 'YHMÄ', 1, 1), (['limited_partnership'], 11, 'PR', 'PR', 0.03, 0.1),
    (['partnership'], 0, 'YHM', 'YHM', 1, 1), (['partnership'], 2, 'YHM', 'YHM', 1, 1), (['partnership'], 3, 'YHM', 'YHM', 0.2, 0.2),
    (['branch'], 0, 'EDU', 'EDU', 1, 1), (['branch'], 14, 'TEDU', 'E', 0.1, 0.1),
    (['foundation'], 0, 'HAL', 'PJ', 1, 1), (['foundation'], 2, 'HAL', 'J', 1, 1), (['foundation'], 3, 'HAL', 'J', 0.9, 0.9), (['foundation'], 9, 'TIL', 'PTI', 0.9, 0.9),
    (['association'], 0, 'HAL', 'PJ', 1, 1),
    (['sole_trader'], 0, 'ELI', 'ELI', 1, 1), (['sole_trader'], 11, 'PR', 'PR', 0.01, 0.01)
) AS t(kinds, slot, organ, role, small_share, large_share);
-- The extract of officers is paid by the organisation, so it is bought for some (INFERRED): all that have staff or are a business
-- of partners, and a share of one-man companies and of housing companies. Of the others nobody here knows who leads them.
CREATE MACRO is_bought(number, kind, staff) AS
    CASE kind
        WHEN 'housing' THEN chance(number, 'bought', 0.1)
        WHEN 'sole_trader' THEN chance(number, 'bought', 0.35)
        WHEN 'company' THEN staff >= 3 OR chance(number, 'bought', 0.3)
        ELSE kind <> 'association'
    END;
CREATE TABLE position_slot AS
SELECT * FROM (VALUES
    (16, 'YLEISJOHTO', 0.5, 0.8), (17, 'TALOUS', 0.75, 0.95), (18, 'RISKI', 0.03, 0.35), (19, 'HENKILOSTO', 0.45, 0.9), (20, 'MYYNTI', 0.6, 0.85),
    (21, 'MARKKINOINTI', 0.4, 0.7), (22, 'VIESTINTA', 0.08, 0.45), (23, 'JULKAISU', 0.02, 0.1), (24, 'ASIAKASPALVELU', 0.3, 0.5), (25, 'HANKINTA', 0.35, 0.7),
    (26, 'IT', 0.4, 0.8), (27, 'KULJETUS', 0.2, 0.4), (28, 'TUOTANTO', 0.5, 0.6), (29, 'TK', 0.08, 0.35), (30, 'KIINTEISTO', 0.15, 0.5), (31, 'LAATU', 0.25, 0.6)
) AS t(slot, area_code, small_share, large_share);
CREATE TABLE title_list AS
SELECT language, area_code, list({title: title, level: level, area_codes: area_codes} ORDER BY title) AS titles
FROM (SELECT *, unnest(string_split(area_codes, '|')) AS area_code FROM reference.titles)
GROUP BY language, area_code;
CREATE MACRO rank_of(level) AS list_position(['specialist', 'supervisor', 'manager', 'director'], level);

-- arrival: 'there' when first met, then 'new' (never heard of), 'moved' (held such a place elsewhere before), 'promoted' (held another place, or title, in this
-- organisation) or 'elsewhere' (holds a place elsewhere as well). stays: whether who left the place took another one in the same organisation.
CREATE TABLE tenure (
    number BIGINT, slot INTEGER, generation INTEGER, person BIGINT, organ VARCHAR, role VARCHAR, title VARCHAR, level VARCHAR,
    area_codes VARCHAR, language VARCHAR, started_on DATE, ended_on DATE, arrival VARCHAR, stays BOOLEAN
);
CREATE MACRO place_key(number, slot, generation) AS number * 4096 + generation * 32 + slot;
-- An organisation met elsewhere, most of the time one whose officers were bought.
CREATE MACRO elsewhere(who, companies) AS
    coalesce(
        list_filter(list_transform([1, 2, 3, 4], lambda i: dice(who, 'elsewhere' || i, companies)), lambda c: chance(c, 'bought', 0.3))[1],
        dice(who, 'elsewhere1', companies)
    )::BIGINT;
-- In a firm of ten or more the one who leads it is mostly its managing director, and some who hold a position are also on its board or sign for it.
CREATE MACRO leads(number) AS chance(number, 'director leads', 0.6);
CREATE MACRO place_of(number, slot, staff) AS
    CASE
        WHEN staff < 10 THEN slot
        WHEN slot = 16 AND leads(number) THEN 6
        WHEN slot = 11 AND chance(number, 'signs as well', 0.5) THEN 17
        WHEN slot = 3 AND chance(number, 'on the board as well', 0.2) THEN 20
        ELSE slot
    END;
-- Who holds a place when its organisation is first met: mostly somebody of this organisation alone, sometimes its owner, sometimes somebody met elsewhere.
CREATE MACRO holder(number, slot, generation, organ, staff, companies) AS
    CASE
        WHEN organ = 'TIL' THEN place_key(dice(place_key(number, slot, generation), 'auditor', greatest(1, companies // 40)), 9, 1)
        WHEN organ = 'IS' THEN place_key(dice(place_key(number, slot, generation), 'house manager', greatest(1, companies // 60)), 12, 1)
        WHEN place_of(number, slot, staff) = 6 AND generation = 1 AND chance(place_key(number, 6, 1), 'owner leads', if(staff < 10, 0.65, 0.2)) THEN place_key(number, 2, 1)
        WHEN organ = 'HAL' AND slot <> 2 AND chance(place_key(number, slot, generation), 'board elsewhere', 0.08) THEN place_key(elsewhere(place_key(number, slot, generation), companies), 2, 1)
        ELSE place_key(number, if(generation <= 1, place_of(number, slot, staff), slot), generation)
    END;
-- Everybody who holds a place in the organisations of a range on the day these are first met.
CREATE MACRO first_tenures(first, last, today, companies) AS TABLE
WITH settled AS (
    SELECT number, kind, staff, status, is_swedish, registered_on, ended_on
    FROM entity
    WHERE number >= first AND number < last AND NOT is_historic
),
places AS (
    SELECT e.number, s.slot, s.organ, s.role, NULL::VARCHAR AS area_code, e.staff, e.is_swedish, e.registered_on, e.ended_on
    FROM settled AS e
    INNER JOIN place_slot AS s ON e.kind = s.kind
    WHERE (is_bought(e.number, e.kind, e.staff) OR e.kind IN ('sole_trader', 'association'))
        AND chance(place_key(e.number, s.slot, 1), 'place', if(e.staff < 10, s.small_share, s.large_share))
    -- A board of fewer than three must have a deputy (Companies Act 624/2006, ch. 6 s. 8); few others have one.
    QUALIFY s.organ <> 'HAL' OR s.role <> 'VJ' OR chance(e.number, 'deputy all the same', 0.1)
        OR count(*) FILTER (s.organ = 'HAL' AND s.role <> 'VJ') OVER (PARTITION BY e.number) < 3
    UNION ALL
    SELECT e.number, s.slot, NULL, NULL, s.area_code, e.staff, e.is_swedish, e.registered_on, e.ended_on
    FROM settled AS e
    CROSS JOIN position_slot AS s
    WHERE e.kind <> 'housing' AND e.staff >= 10
        AND chance(place_key(e.number, s.slot, 1), 'place', if(e.staff < 50, s.small_share, s.large_share))
    UNION ALL
    SELECT e.number, 12, 'SELM', 'S', NULL, e.staff, e.is_swedish, e.registered_on, e.ended_on
    FROM settled AS e
    WHERE e.status = 'liquidation' AND e.kind <> 'housing' AND is_bought(e.number, e.kind, e.staff)
),
spoken AS (
    SELECT
        *, if(area_code IS NULL, NULL, CASE WHEN chance(place_key(number, slot, 1), 'english title', 0.08) THEN 'en' WHEN is_swedish THEN 'sv' ELSE 'fi' END) AS language,
        -- Who leads as managing director does both from one day on.
        least(greatest(registered_on, today - 2 - dice(place_key(number, if(slot = 16, place_of(number, 16, staff), slot), 1), 'tenure', 4000)), coalesce(ended_on, today))::DATE AS started_on
    FROM places
)
SELECT
    p.number, p.slot, 1 AS generation, holder(p.number, p.slot, 1, p.organ, p.staff, companies) AS person, p.organ, p.role,
    pick(t.titles, place_key(p.number, p.slot, 1), 'title').title AS title,
    pick(t.titles, place_key(p.number, p.slot, 1), 'title').level AS level,
    pick(t.titles, place_key(p.number, p.slot, 1), 'title').area_codes AS area_codes,
    p.language, p.started_on, p.ended_on, 'there' AS arrival, false AS stays
FROM spoken AS p
LEFT JOIN title_list AS t ON p.language = t.language AND p.area_code = t.area_code
UNION ALL
-- Some had a predecessor, who left the day before.
SELECT
    p.number, p.slot, 0, place_key(p.number, if(p.slot = 16, place_of(p.number, 16, p.staff), p.slot), 0), p.organ, p.role,
    pick(t.titles, place_key(p.number, p.slot, 0), 'title').title, pick(t.titles, place_key(p.number, p.slot, 0), 'title').level,
    pick(t.titles, place_key(p.number, p.slot, 0), 'title').area_codes,
    p.language, greatest(p.registered_on, p.started_on - 900)::DATE, greatest(p.registered_on, p.started_on - 1)::DATE, 'there', false
FROM spoken AS p
LEFT JOIN title_list AS t ON p.language = t.language AND p.area_code = t.area_code
WHERE p.organ IS DISTINCT FROM 'ELI' AND p.started_on > p.registered_on + 30
    AND chance(place_key(p.number, if(p.slot = 16, place_of(p.number, 16, p.staff), p.slot), 0), 'predecessor', if(p.area_code IS NULL, 0.12, 0.9));

-- Moves before the first day: of those who hold a position or lead a company, some left such a place elsewhere within the quarter year before.
-- A table of who is whom: (number, slot) is held by `person`, until now known as `unmoved`.
CREATE MACRO moved_before() AS TABLE
WITH left_one AS (
    SELECT slot, number, person, ended_on, (ended_on - DATE '2000-01-01') // 91 AS quarter
    FROM tenure
    WHERE generation = 0 AND (slot = 6 OR slot >= 16) AND person = place_key(number, slot, 0)
),
took_one AS (
    SELECT slot, number, person, started_on, (started_on - DATE '2000-01-01') // 91 AS quarter
    FROM tenure
    WHERE generation = 1 AND (slot = 6 OR slot >= 16) AND person = place_key(number, slot, 1) AND chance(person, 'came from elsewhere', 0.3)
)
SELECT t.number, t.slot, t.person AS unmoved, l.person
FROM (SELECT *, row_number() OVER (PARTITION BY slot, quarter ORDER BY hash(person, 'took'), person) AS nth FROM took_one) AS t
INNER JOIN (SELECT *, row_number() OVER (PARTITION BY slot, quarter ORDER BY hash(person, 'left'), person) AS nth FROM left_one) AS l
    ON t.slot = l.slot AND t.quarter = l.quarter + 1 AND t.nth = l.nth
WHERE t.number <> l.number;

-- What a step of `gap` days brings, table by table: who leaves, which places come free by that, who is promoted to one, who looks for one.
CREATE TABLE leaver (number BIGINT, slot INTEGER, generation INTEGER, person BIGINT, organ VARCHAR, staff INTEGER, is_end BOOLEAN, left_on DATE);
CREATE TABLE leaving (number BIGINT, slot INTEGER, generation INTEGER, person BIGINT, organ VARCHAR, staff INTEGER, is_end BOOLEAN, left_on DATE, follows BOOLEAN);
CREATE TABLE heir (number BIGINT, slot INTEGER, generation INTEGER, person BIGINT, left_on DATE, staff INTEGER);
CREATE TABLE seeker (slot INTEGER, number BIGINT, person BIGINT, left_on DATE, nth BIGINT);
CREATE MACRO leavers(today, gap, share, md, board, position) AS TABLE
SELECT
    t.number, t.slot, t.generation, t.person, t.organ, e.staff, e.status = 'ceased' AS is_end,
    greatest(t.started_on, if(e.status = 'ceased', least(e.ended_on, today - 1), day_within(place_key(t.number, t.slot, t.generation), 'left', today, gap)))::DATE AS left_on
FROM tenure AS t
INNER JOIN entity AS e ON t.number = e.number
WHERE t.ended_on IS NULL AND t.started_on < today
    AND (
        e.status = 'ceased'
        OR (
            t.organ IS DISTINCT FROM 'ELI'
            AND chance(place_key(t.number, t.slot, t.generation), 'leaves' || today, within(share * CASE WHEN t.organ = 'TJ' THEN md WHEN t.organ IS NULL THEN position ELSE board END, gap))
        )
    );
-- A firm's managing director who also leads it leaves both places at once, or neither.
CREATE MACRO leavers_as_one() AS TABLE
WITH doubly AS (
    SELECT lead.number, lead.slot, lead.generation, lead.person, lead.organ, director.generation AS other_generation
    FROM tenure AS lead
    INNER JOIN tenure AS director ON lead.number = director.number AND lead.person = director.person AND director.slot = 6 AND director.ended_on IS NULL
    WHERE lead.slot = 16 AND lead.ended_on IS NULL
)
SELECT l.*, false AS follows
FROM leaver AS l
WHERE l.is_end OR place_key(l.number, l.slot, l.generation) NOT IN (SELECT place_key(number, slot, generation) FROM doubly)
UNION ALL
SELECT d.number, d.slot, d.generation, d.person, d.organ, l.staff, false, l.left_on, true
FROM doubly AS d
INNER JOIN leaver AS l ON d.number = l.number AND l.slot = 6 AND d.other_generation = l.generation
WHERE NOT l.is_end;
-- Promoted to managing director: somebody with a position in the house that nobody else of the step concerns.
CREATE MACRO heirs(today) AS TABLE
SELECT t.number, min_by(t.slot, hash(t.person, 'heir')) AS slot, min_by(t.generation, hash(t.person, 'heir')) AS generation, min_by(t.person, hash(t.person, 'heir')) AS person, any_value(l.left_on) AS left_on, any_value(l.staff) AS staff
FROM leaving AS l
INNER JOIN tenure AS t ON l.number = t.number AND t.slot > 16 AND t.ended_on IS NULL AND t.started_on <= l.left_on AND t.generation < 120
WHERE l.slot = 6 AND NOT l.is_end AND chance(place_key(l.number, 6, l.generation), 'from within', 0.25)
    AND place_key(t.number, t.slot, t.generation) NOT IN (SELECT place_key(number, slot, generation) FROM leaving)
    AND t.person <> l.person AND t.person NOT IN (SELECT person FROM leaving)
GROUP BY t.number;
-- Promoted where they are: another title of the same area, of a higher level.
CREATE MACRO promotions(today, gap, rate) AS TABLE
WITH fit AS (
    SELECT t.*, place_key(t.number, t.slot, t.generation) AS who, list_filter(l.titles, lambda x: rank_of(x.level) > rank_of(t.level)) AS better
    FROM tenure AS t
    INNER JOIN position_slot AS s ON t.slot = s.slot
    INNER JOIN title_list AS l ON t.language = l.language AND s.area_code = l.area_code
    WHERE t.ended_on IS NULL AND t.started_on < today - gap AND t.generation < 120
        AND chance(place_key(t.number, t.slot, t.generation), 'promoted' || today, within(rate, gap))
        AND place_key(t.number, t.slot, t.generation) NOT IN (SELECT place_key(number, slot, generation) FROM leaving)
),
offered AS (SELECT *, better[1 + dice(who, 'better title', greatest(1, len(better)))] AS next FROM fit WHERE len(better) > 0)
SELECT * EXCLUDE (who, better, next) REPLACE (
    next.title AS title, next.level AS level, next.area_codes AS area_codes, day_within(who, 'promoted', today, gap) + 1 AS started_on,
    generation + 1 AS generation, 'promoted' AS arrival
)
FROM offered;
-- Free to take a place of the same kind elsewhere: who left one within the year before and holds none now.
CREATE MACRO seekers(today) AS TABLE
WITH without AS (
    SELECT slot, number, person, ended_on AS left_on FROM tenure WHERE ended_on > today - 365 AND (slot = 6 OR slot > 16)
    UNION ALL
    SELECT slot, number, person, left_on FROM leaving WHERE slot = 6 OR slot > 16
),
seeking AS (
    SELECT *
    FROM without
    WHERE NOT chance(person, 'retires', 0.4)
        AND person NOT IN (
            SELECT t.person FROM tenure AS t
            WHERE t.ended_on IS NULL AND place_key(t.number, t.slot, t.generation) NOT IN (SELECT place_key(number, slot, generation) FROM leaving)
        )
        AND person NOT IN (SELECT person FROM heir)
    QUALIFY row_number() OVER (PARTITION BY person ORDER BY left_on DESC, slot, number) = 1
)
SELECT *, row_number() OVER (PARTITION BY slot ORDER BY hash(person, 'seeks' || today), person) AS nth FROM seeking;
-- Who follows whom. A place of managing director and the lead that goes with it get one successor.
CREATE MACRO successors(today, companies) AS TABLE
WITH vacancy AS (
    SELECT
        l.*, t.role, t.title, t.level, t.area_codes, t.language, h.person AS heir,
        (l.slot = 6 OR l.slot > 16) AND h.person IS NULL AND chance(place_key(l.number, l.slot, l.generation), 'from elsewhere', 0.35) AS is_open
    FROM leaving AS l
    INNER JOIN tenure AS t ON l.number = t.number AND l.slot = t.slot AND l.generation = t.generation
    LEFT JOIN heir AS h ON l.number = h.number AND l.slot = 6
    WHERE NOT l.is_end AND NOT l.follows AND l.generation < 120
),
filled AS (
    SELECT
        v.*,
        CASE
            WHEN v.heir IS NOT NULL THEN v.heir
            WHEN s.person IS NOT NULL THEN s.person
            ELSE holder(v.number, v.slot, v.generation + 1, v.organ, v.staff, companies)
        END AS successor,
        CASE
            WHEN v.heir IS NOT NULL THEN 'promoted' WHEN s.person IS NOT NULL THEN 'moved'
            WHEN holder(v.number, v.slot, v.generation + 1, v.organ, v.staff, companies) = place_key(v.number, v.slot, v.generation + 1) THEN 'new' ELSE 'elsewhere'
        END AS arrival,
        greatest(v.left_on, coalesce(s.left_on, v.left_on)) + 1 AS begins_on
    FROM (SELECT *, row_number() OVER (PARTITION BY slot, is_open ORDER BY hash(number, 'open' || today), number) AS nth FROM vacancy) AS v
    LEFT JOIN seeker AS s ON v.is_open AND v.slot = s.slot AND v.nth = s.nth AND v.number <> s.number
)
SELECT number, slot, generation + 1 AS generation, successor AS person, organ, role, title, level, area_codes, language, begins_on::DATE AS started_on, NULL::DATE AS ended_on, arrival, false AS stays
FROM filled
UNION ALL
SELECT t.number, t.slot, t.generation + 1, f.successor, t.organ, t.role, t.title, t.level, t.area_codes, t.language, f.begins_on::DATE, NULL::DATE, f.arrival, false
FROM leaving AS l
INNER JOIN tenure AS t ON l.number = t.number AND l.slot = t.slot AND l.generation = t.generation
INNER JOIN filled AS f ON l.number = f.number AND f.slot = 6
WHERE l.follows;
