-- How the registers write people and notices: one text per line, for registers.py.

CREATE MACRO csv_field(value) AS
    if(regexp_matches(value, '[;"\n\r]'), concat('"', replace(value, '"', '""'), '"'), coalesce(value, ''));
CREATE MACRO csv_line(fields) AS concat(array_to_string(list_transform(fields, lambda f: csv_field(f)), ';'), chr(10));

-- Officers: one row per registered place, also ended ones. Firms audit, too: then there is a name and nothing else.
CREATE VIEW officer AS
WITH written AS (
    SELECT
        t.*, e.business_id, w AS who, place_key(t.number, t.slot, t.generation) AS place,
        t.organ = 'TIL' AND chance(t.person, 'audit firm', 0.5) AS is_firm
    FROM tenure AS t
    INNER JOIN entity AS e ON t.number = e.number
    INNER JOIN person AS w ON t.person = w.person
    WHERE t.organ IS NOT NULL AND e.kind NOT IN ('association') AND is_bought(e.number, e.kind, e.staff)
)
SELECT
    number, slot, generation, business_id, organ, is_firm, person,
    -- INFERRED: codes nobody has a label for do occur.
    if(chance(place, 'unknown role', 0.002), pick(['LT', 'USM', 'Q1', 'ES'], place, 'unknown role'), role) AS role,
    -- Whose place ended keeps the name of that day.
    if(is_firm, 'Tilintarkastus ' || coined_name(person, 'audit firm', false) || ' Oy', surname_on(who, coalesce(ended_on, getvariable('today')::DATE))) AS surname,
    if(is_firm, '', who.forenames) AS forenames,
    if(is_firm OR chance(place, 'no birth date', 0.02), '', who.born_on::VARCHAR) AS born_on,
    if(is_firm, '', who.nationality) AS nationality,
    if(is_firm, 'FI', who.residence) AS residence,
    started_on::VARCHAR AS started_on,
    coalesce(ended_on::VARCHAR, '') AS ended_on,
    if(is_firm, '', coalesce(who.register_id, '')) AS register_id
FROM written;
CREATE VIEW officer_line AS
SELECT
    number, hash(number, 'officers') AS place_in_file, slot, generation,
    csv_line([business_id, organ, role, surname, forenames, born_on, nationality, residence, started_on, ended_on, register_id]) AS line
FROM officer;

-- Who is meant by a line, by the key that a reader of the contract gives it: places of persons without number go by a digest of name and birth.
CREATE VIEW officer_mention AS
SELECT
    'prh_officers' AS source, 'officers' AS dataset,
    concat_ws('|', business_id, organ, role, if(register_id = '', 'n-' || md5(concat_ws('|', surname, forenames, born_on)), register_id), started_on) AS record_key,
    business_id, if(is_firm, NULL, person) AS person, is_firm, number, slot, generation
FROM officer;

-- Notices: what was entered when, never who. Several entries of a day make one notice. The API reaches back to 7.11.2014.
CREATE VIEW notice AS
WITH entry AS (
    SELECT t.number, t.started_on AS entered_on, if(t.organ = 'HAL', 'HAL', if(t.organ = 'TIL', 'TILTAR', 'TOIM')) AS code
    FROM tenure AS t WHERE t.organ IN ('HAL', 'TJ', 'TJS', 'VTJ', 'TIL') AND t.started_on > DATE '2014-11-06'
    UNION
    SELECT t.number, t.ended_on + 1, if(t.organ = 'HAL', 'HAL', if(t.organ = 'TIL', 'TILTAE', 'TOIM'))
    FROM tenure AS t WHERE t.organ IN ('HAL', 'TJ', 'TJS', 'VTJ', 'TIL') AND t.ended_on IS NOT NULL AND t.ended_on > DATE '2014-11-06'
    UNION
    SELECT number, name_since, 'TMI' FROM organisation WHERE former_name IS NOT NULL AND name_since > DATE '2014-11-06'
    UNION
    SELECT number, registered_on, 'PERUS' FROM organisation WHERE registered_on > DATE '2014-11-06'
    UNION
    SELECT number, ended_on, 'LAKK' FROM organisation WHERE ended_on > DATE '2014-11-06'
    UNION
    SELECT number, visiting.since, 'KOTI' FROM organisation WHERE visiting.since > DATE '2014-11-06' AND chance(number, 'domicile', 0.2)
    UNION
    SELECT number, entered_on, 'TASE'
    FROM (
        SELECT number, legal_form_code, registered_on, ended_on, unnest([make_date(y, 1 + dice(number * 100 + y - 2000, 'accounts month', 12), 1 + dice(number, 'accounts day', 28)) for y in range(2022, 2027)]) AS entered_on
        FROM organisation
    )
    WHERE legal_form_code IN ('16', '17', '14') AND entered_on > registered_on + 300 AND entered_on < coalesce(ended_on, DATE '2100-01-01')
    UNION
    SELECT number, greatest(registered_on, DATE '2015-01-01' + dice(number, 'rare entry', 4000))::DATE, pick(['NORTIL', 'POITIL', 'OPO', 'OSLUKU', 'TAL', 'ESR', 'TILTAP', 'NIMP'], number, 'rare entry')
    FROM organisation WHERE chance(number, 'rare entry', 0.3)
)
SELECT
    number, entered_on, list(code ORDER BY code) AS codes,
    CASE WHEN list_contains(list(code), 'PERUS') THEN 'U' WHEN list(code) = ['TASE'] THEN 'TA' ELSE 'M' END AS kind
FROM entry
WHERE entered_on <= getvariable('today')::DATE
GROUP BY number, entered_on;

-- A company of the notices service: a YTJ company without line of business and website, with its notices. Cutting the text is
-- safe: inside a value a quotation mark is written \", so these keys occur once.
CREATE MACRO notice_record(record, notices) AS
    concat(
        left(record, least(
            if(strpos(record, ',"mainBusinessLine":') = 0, 1000000000, strpos(record, ',"mainBusinessLine":')),
            if(strpos(record, ',"website":') = 0, 1000000000, strpos(record, ',"website":')),
            strpos(record, ',"companyForms":[')
        ) - 1),
        left(substr(record, strpos(record, ',"companyForms":[')), -1),
        ',"publicNotices":[', notices, ']}', chr(10)
    );
CREATE MACRO noticed(first, last, earliest) AS TABLE
WITH written AS (
    SELECT
        number,
        max(entered_on) AS last_on,
        array_to_string(list(
            concat(
                '{"registrationDate":"', entered_on, '","recordNumber":"', year(entered_on), '/', number * 366 + dayofyear(entered_on) - 1,
                '","typeOfRegistration":"', kind, '","entryCodes":["', array_to_string(codes, '","'), '"]}'
            ) ORDER BY if(chance(number, 'newest first', 0.7), -1, 1) * (entered_on - DATE '2000-01-01'), copy
        ), ',') AS notices
    FROM (
        -- The same notice may come twice.
        SELECT *, unnest(if(chance(number * 10000 + dayofyear(entered_on), 'notice twice', 0.01), [1, 2], [1])) AS copy
        FROM notice WHERE number >= first AND number < last
    )
    GROUP BY number
)
SELECT notice_record(r.record, coalesce(w.notices, '')) AS line
FROM ytj_record AS r
LEFT JOIN written AS w ON r.number = w.number
WHERE r.number >= first AND r.number < last AND (earliest IS NULL OR w.last_on >= earliest)
ORDER BY hash(r.number, 'notices');

-- Corporate income tax of a year. Not turnover, nor anything it could be worked out from.
CREATE MACRO money(cents) AS concat(cents // 100, ',', lpad((cents % 100)::VARCHAR, 2, '0'));
CREATE MACRO taxed(first, last, tax_year) AS TABLE
WITH taxpayer AS (
    SELECT
        e.number, e.business_id, e.name, e.municipality_code, e.legal_form_code,
        -- Two in five of the file are unknown to the open YTJ data: associations, foundations, and foreign ones.
        CASE
            WHEN chance(e.number, 'no income', 0.45) THEN 0
            ELSE floor((1 + 8 * least(e.staff, 500)) * exp(4 + 5.5 * dice(e.number * 100 + tax_year % 100, 'income', 1000000) / 1000000.0) * 100)
        END::BIGINT AS income
    FROM entity AS e
    WHERE e.number >= first AND e.number < last AND year(e.registered_on) <= tax_year AND NOT e.is_historic
        AND e.kind NOT IN ('sole_trader', 'limited_partnership', 'partnership') AND chance(e.number, 'taxpayer', 0.9)
),
due AS (
    SELECT *, income // 5 AS tax, if(chance(number, 'prepaid', 0.5), 1, -1) * (income // 5 * dice(number, 'balance', 40) // 100) AS balance
    FROM taxpayer
)
SELECT concat(
    array_to_string([
        tax_year::VARCHAR, d.business_id,
        -- No quoting in this file: a bare quotation mark stays one; a semicolon cannot.
        replace(translate(CASE WHEN chance(d.number, 'foreign owner', 0.004) THEN concat('UAB "', d.name, '"') ELSE d.name END, chr(10) || chr(13), '  '), ';', ','),
        CASE
            WHEN chance(d.number, 'taxed abroad', 0.006) THEN '200 Ulkomaat'
            WHEN d.municipality_code IS NULL OR chance(d.number, 'no tax home', 0.002) THEN 'Ei kotikuntaa'
            ELSE concat(d.municipality_code, ' ', m.name_fi)
        END,
        money(d.income), money(d.tax), money(greatest(d.balance, 0)), money(greatest(-d.balance, 0))
    ], ';'), chr(13), chr(10)) AS line
FROM due AS d
LEFT JOIN reference.municipalities AS m ON d.municipality_code = m.code
ORDER BY hash(d.number, 'tax');
