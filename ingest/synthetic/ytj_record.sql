-- How PRH writes an organisation: record(organisation row) -> one JSON text, compact, keys in the order of the real answers.
-- Styles are drawn per organisation, so that they stay the same from day to day:
--   blanks  how an absent address part is written: "" (most), key left out, or null (records copied through another database)
--   order   the order of descriptions and post offices, from order_key

-- concat() leaves out what is NULL, concat_ws() too: an absent optional piece disappears with its comma.
CREATE MACRO dated(key, day, blanks) AS
    coalesce(concat(',"', key, '":"') || day::VARCHAR || '"', if(blanks = 'null', concat(',"', key, '":null'), NULL));
-- A date some days after the registration, but never after the organisation was first met: such dates must stay what they were.
CREATE MACRO later(since, days, met_on) AS least(since + days, greatest(since, met_on - 1))::DATE;
CREATE MACRO part(key, value, blanks) AS
    CASE
        WHEN value IS NOT NULL THEN concat(',"', key, '":"', value, '"')
        WHEN blanks = 'empty' THEN concat(',"', key, '":""')
        WHEN blanks = 'null' THEN concat(',"', key, '":null')
    END;

-- The six orders of the languages as texts, per code; languages without a text are left out.
CREATE MACRO wording(name_fi, name_sv, name_en) AS
    list_transform(
        [['1', '2', '3'], ['1', '3', '2'], ['2', '1', '3'], ['2', '3', '1'], ['3', '1', '2'], ['3', '2', '1']],
        lambda languages: concat('[', array_to_string(list_transform(
            list_filter(languages, lambda l: [name_fi, name_sv, name_en][l::INTEGER] IS NOT NULL),
            lambda l: concat('{"languageCode":"', l, '","description":', to_json([name_fi, name_sv, name_en][l::INTEGER]), '}')
        ), ','), ']')
    );

CREATE TABLE form_wording AS
SELECT
    code,
    -- READ: these forms occur in the bulk with Finnish text only.
    if(
        code IN ('3', '9', '21', '23', '38', '39', '55', '56', '63', '71', '80'),
        wording(name_fi, NULL, NULL), wording(name_fi, name_sv, name_en)
    ) AS texts
FROM reference.legal_forms;

CREATE TABLE industry_wording AS
SELECT 'TOIMI4' AS code_set, code, wording(name_fi, name_sv, name_en) AS texts, wording(name_fi, name_sv, NULL) AS texts_without_english
FROM reference.industries
UNION ALL
SELECT 'TOIMI3', code, wording(name_fi, NULL, NULL), wording(name_fi, NULL, NULL)
FROM reference.industries_2008;

CREATE TABLE entry_wording AS
SELECT map(list(code), list(wording(name_fi, name_sv, name_en))) AS texts
FROM reference.register_codes
WHERE code_set = 'REK_KDI';

-- Post offices in both orders. A monolingual municipality's town is written once or twice (SAW: NOKIA GROUP twice).
CREATE TABLE post_office AS
WITH office AS (
    SELECT
        postcode,
        name_fi = name_sv AS is_same,
        concat('{"city":', to_json(name_fi), ',"languageCode":"1"') AS fi,
        concat('{"city":', to_json(name_sv), ',"languageCode":"2"') AS sv,
        concat(',"municipalityCode":"', municipality_code, '"}') AS municipality
    FROM reference.postal_codes
)
SELECT
    postcode,
    is_same,
    [concat('[', fi, municipality, ',', sv, municipality, ']'), concat('[', sv, municipality, ',', fi, municipality, ']')] AS texts,
    concat('[', fi, municipality, ']') AS finnish_only,
    concat('[', sv, '},', fi, '}]') AS without_municipality
FROM office;

CREATE MACRO register_entry(texts, who, type, register, authority, since, until, blanks) AS
    concat(
        '{"type":"', type, '","descriptions":', pick(texts[type], who, register || type),
        dated('registrationDate', since, blanks), dated('endDate', until, blanks),
        ',"register":"', register, '","authority":"', authority, '"}'
    );

CREATE MACRO name_entry(name, type, since, until, version, source, blanks) AS
    concat(
        '{"name":', to_json(name), ',"type":"', type, '"', dated('registrationDate', since, blanks), dated('endDate', until, blanks),
        ',"version":', version, ',"source":"', source, '"}'
    );

CREATE MACRO address_entry(type, a, office, number, order_key, blanks) AS
    CASE
        WHEN a IS NULL THEN NULL
        -- Foreign: blanks became underscores and line ends became blanks.
        WHEN a.free_line IS NOT NULL THEN concat(
            '{"type":', type, if(blanks = 'empty', ',"street":"","postCode":""', ''), ',"postOffices":[]', part('co', a.co, blanks),
            ',"country":"', a.country, '","freeAddressLine":', to_json(replace(replace(a.free_line, ' ', '_'), chr(10), ' ')),
            dated('registrationDate', a.since, blanks), ',"source":"0"}'
        )
        ELSE concat(
            '{"type":', type, part('street', a.street, blanks), part('postCode', a.postcode, blanks),
            ',"postOffices":', CASE
                WHEN chance(number, 'no municipality', 0.002) THEN office.without_municipality
                WHEN office.is_same AND chance(number, 'one language', 0.5) THEN office.finnish_only
                ELSE pick(office.texts, order_key, 'offices' || type)
            END,
            -- SAW: a street address has no postOfficeBox key at all.
            if(a.box IS NULL AND blanks = 'empty', NULL, part('postOfficeBox', a.box, blanks)),
            part('buildingNumber', a.building, blanks), part('entrance', a.entrance, blanks),
            part('apartmentNumber', a.apartment, blanks), part('apartmentIdSuffix', a.suffix, blanks), part('co', a.co, blanks),
            if(blanks = 'null', ',"country":null,"freeAddressLine":null', NULL),
            dated('registrationDate', a.since, blanks), ',"source":"0"}'
        )
    END;

CREATE VIEW ytj_record AS
WITH styled AS (
    SELECT
        o.*,
        -- Names end with the company; the day a name ends is the day before the next one begins.
        if(o.status = 'ceased', o.ended_on, NULL) AS names_end,
        CASE WHEN chance(o.number, 'blanks null', 0.02) THEN 'null' WHEN chance(o.number, 'blanks omitted', 0.15) THEN 'omitted' ELSE 'empty' END AS blanks,
        if(chance(o.number, 'blanks null', 0.02), 'null', 'omitted') AS absent,
        coalesce(o.registered_on, o.id_given_on) AS since,
        f.texts AS form_texts,
        pf.texts AS former_form_texts,
        i.texts AS industry_texts,
        i.texts_without_english,
        e.texts AS entry_texts,
        vo AS visiting_office,
        po AS postal_office
    FROM organisation AS o
    CROSS JOIN entry_wording AS e
    INNER JOIN form_wording AS f ON o.legal_form_code = f.code
    LEFT JOIN form_wording AS pf ON o.former_form_code = pf.code
    LEFT JOIN industry_wording AS i ON o.industry_code_set = i.code_set AND o.industry_code = i.code
    LEFT JOIN post_office AS vo ON o.visiting.postcode = vo.postcode
    LEFT JOIN post_office AS po ON o.postal.postcode = po.postcode
)
SELECT
    number,
    in_bulk,
    concat(
        '{"businessId":{"value":"', business_id, '"', dated('registrationDate', id_given_on, absent), ',"source":"3"}',
        CASE
            WHEN NOT chance(number, 'no euid', if(legal_form_code IN ('2', '10'), 0.6, 0.01)) THEN concat(',"euId":{"value":"FIFPRO.', business_id, '","source":"1"}')
            WHEN absent = 'null' THEN ',"euId":null'
        END,
        ',"names":[', concat_ws(
            ',',
            name_entry(name, '1', name_since, names_end, 1, '1', absent),
            if(former_name IS NULL, NULL, name_entry(former_name, '1', since, greatest(since, name_since - 1), 2, '1', absent)),
            if(parallel_name IS NULL, NULL, name_entry(parallel_name, '2', since, names_end, 1, '1', absent)),
            if(parallel_name IS NULL OR NOT chance(number, 'translated', 0.1), NULL, name_entry('Auxiliary ' || parallel_name, '4', since, names_end, 1, '1', absent)),
            if(len(auxiliary_names) = 0, NULL, array_to_string(list_transform(
                auxiliary_names,
                lambda a, i: name_entry(a, '3', since, coalesce(names_end, if(chance(number * 100 + i, 'auxiliary ended', 0.1), later(since, 400, met_on), NULL)), 1, '1', absent)
            ), ','))
        ), ']',
        CASE
            WHEN industry_code IS NOT NULL THEN concat(
                ',"mainBusinessLine":{"type":"', industry_code, '","descriptions":',
                coalesce(pick(if(chance(number, 'no english', 0.04), texts_without_english, industry_texts), order_key, 'industry'), '[]'),
                ',"typeCodeSet":"', industry_code_set, '"', dated('registrationDate', industry_since, absent), ',"source":"2"}'
            )
            WHEN absent = 'null' THEN ',"mainBusinessLine":null'
        END,
        CASE
            WHEN website IS NOT NULL THEN concat(',"website":{"url":"', website, '"', dated('registrationDate', website_since, absent), ',"source":"0"}')
            WHEN absent = 'null' THEN ',"website":null'
        END,
        ',"companyForms":[', concat_ws(
            ',',
            concat(
                '{"type":"', legal_form_code, '","descriptions":', pick(form_texts, order_key, 'form'),
                dated('registrationDate', if(former_form_code IS NULL, since, later(since, 300, met_on)), absent), dated('endDate', names_end, absent), ',"version":1,"source":"1"}'
            ),
            if(former_form_code IS NULL, NULL, concat(
                '{"type":"', former_form_code, '","descriptions":', pick(former_form_texts, order_key, 'former form'),
                dated('registrationDate', since, absent), dated('endDate', later(since, 299, met_on), absent), ',"version":2,"source":"1"}'
            ))
        ),
        '],"companySituations":[', concat_ws(
            ',',
            if(situation IS NULL, NULL, concat('{"type":"', situation, '"', dated('registrationDate', situation_since, absent), dated('endDate', NULL::DATE, absent), ',"source":"1"}')),
            if(past_situation IS NULL, NULL, concat('{"type":"', past_situation, '"', dated('registrationDate', later(since, 200, met_on), absent), dated('endDate', later(since, 700, met_on), absent), ',"source":"1"}'))
        ),
        '],"registeredEntries":[', concat_ws(
            ',',
            CASE status
                WHEN 'pending' THEN register_entry(entry_texts, order_key, '0', '1', '2', NULL::DATE, NULL::DATE, absent)
                WHEN 'ceased' THEN register_entry(entry_texts, order_key, '4', '1', '2', ended_on, NULL::DATE, absent)
                ELSE register_entry(entry_texts, order_key, '1', '1', '2', since, NULL::DATE, absent)
            END,
            if(legal_form_code IN ('18', '39'), register_entry(entry_texts, order_key, '1', '2', '2', since, NULL::DATE, absent), NULL),
            if(legal_form_code = '6', register_entry(entry_texts, order_key, '1', '3', '2', since, NULL::DATE, absent), NULL),
            if(status = 'pending', NULL, register_entry(entry_texts, order_key, '1', '4', '1', id_given_on, names_end, absent)),
            if(is_prepayment_registered, register_entry(entry_texts, order_key, '55', '5', '1', later(since, 10, met_on), names_end, absent),
                if(chance(number, 'prepayment over', 0.2), register_entry(entry_texts, order_key, '55', '5', '1', later(since, 10, met_on), later(since, 900, met_on), absent), NULL)),
            CASE
                WHEN is_vat_registered AND legal_form_code IN ('2', '10', '56') THEN register_entry(entry_texts, order_key, '82', '6', '1', later(since, 20, met_on), names_end, absent)
                WHEN is_vat_registered THEN register_entry(entry_texts, order_key, '80', '6', '1', later(since, 20, met_on), names_end, absent)
                WHEN chance(number, 'not liable', 0.05) THEN register_entry(entry_texts, order_key, '35', '6', '1', later(since, 20, met_on), NULL::DATE, absent)
                WHEN chance(number, 'vat over', 0.2) THEN register_entry(entry_texts, order_key, '80', '6', '1', later(since, 20, met_on), later(since, 900, met_on), absent)
            END,
            if(is_vat_registered AND chance(number, 'second vat', 0.04), register_entry(entry_texts, order_key, pick(['83', '84', '85', '86', '87', '88', 'P84', 'V80'], number, 'second vat'), '6', '1', later(since, 40, met_on), names_end, absent), NULL),
            if(employer_since IS NULL, NULL, register_entry(entry_texts, order_key, if(chance(number, '42', 0.1), '42', '41'), '7', '1', employer_since, names_end, absent)),
            if(employer_until IS NULL, NULL, register_entry(entry_texts, order_key, '41', '7', '1', later(since, 30, met_on), greatest(later(since, 60, met_on), employer_until), absent)),
            if(chance(number, 'insurance', 0.0005), register_entry(entry_texts, order_key, '32', '8', '1', later(since, 90, met_on), NULL::DATE, absent), NULL),
            if(chance(number, 'void', 0.001), register_entry(entry_texts, order_key, '99', '7', '1', later(since, 90, met_on), NULL::DATE, absent), NULL)
        ),
        '],"addresses":[', concat_ws(
            ',',
            address_entry(1, visiting, visiting_office, number, order_key, blanks),
            address_entry(2, postal, postal_office, number, order_key, blanks)
        ),
        '],"tradeRegisterStatus":"', CASE status WHEN 'pending' THEN '0' WHEN 'ceased' THEN '4' ELSE '1' END,
        '","status":"', if(status = 'pending' AND chance(number, 'id pending', 0.3), '1', '2'), '"',
        dated('registrationDate', registered_on, absent), dated('endDate', ended_on, absent),
        -- Older rows show a blank where newer ones show T.
        ',"lastModified":"', strftime(last_modified, '%Y-%m-%d'), if(last_modified < TIMESTAMP '2025-01-01', ' ', 'T'), strftime(last_modified, '%H:%M:%S'), '"}'
    ) AS record
FROM styled;
