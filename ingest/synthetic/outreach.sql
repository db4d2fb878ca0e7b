-- How contact data, memberships of classes, surveys and customers' feedback are written, for outreach.py. One text per line.

-- Contact data change once in a while: who is asked by phone from then on.
CREATE MACRO phone_owner(number, day) AS number + if(DATE '2025-03-01' + dice(number, 'phone changes', 4000) <= day, 5000000, 0);
CREATE MACRO contact_phone(number, day) AS if(chance(number, 'tells phone', 0.6), organisation_phone(phone_owner(number, day)), NULL);
CREATE MACRO contact_email(number, domain, is_swedish) AS
    if(chance(number, 'tells e-mail', 0.45), pick(if(is_swedish, ['info', 'info', 'kontor', 'post'], ['info', 'toimisto', 'asiakaspalvelu', 'myynti', 'posti']), number, 'mailbox') || '@' || domain, NULL);

-- The same number as people write it: all of these are one number.
CREATE MACRO told_phone(e164, who) AS
    CASE dice(who, 'phone form', 12)
        WHEN 0 THEN e164
        WHEN 1 THEN concat('+358 ', substr(e164, 5, 2), ' ', substr(e164, 7))
        WHEN 2 THEN concat('0', substr(e164, 5, 2), '-', substr(e164, 7))
        WHEN 3 THEN concat('+358(0)', substr(e164, 5))
        WHEN 4 THEN concat('00358', substr(e164, 5))
        WHEN 5 THEN concat('(0', substr(e164, 5, 2), ') ', substr(e164, 7, 3), ' ', substr(e164, 10))
        WHEN 6 THEN concat('0', substr(e164, 5), ' ')
        ELSE concat('0', substr(e164, 5, 2), ' ', substr(e164, 7, 3), ' ', substr(e164, 10))
    END;
CREATE MACRO street_line(a) AS concat_ws(' ', a.street, a.building, a.entrance, a.apartment || coalesce(a.suffix, ''));
CREATE MACRO finnish_date(day) AS strftime(day, '%-d.%-m.%Y');
CREATE MACRO json_text(value) AS coalesce(to_json(value)::VARCHAR, 'null');

-- X-Road GetCompany: coded values are objects, absent parts are left out, a single contact is an object and no list (SAW of XML gateways).
CREATE MACRO coded(code, text_fi, text_sv) AS
    concat(
        '{"PrimaryCode":', json_text(code), ',"SecondaryCode":null,"Descriptions":{"CodeDescription":[{"Language":"fi","Type":"1","Description":', json_text(text_fi),
        '}', if(text_sv IS NULL, '', concat(',{"Language":"sv","Type":"1","Description":', json_text(text_sv), '}')), ']}}'
    );
CREATE MACRO contact_detail(value, code, text_fi) AS
    concat('{"Value":', json_text(value), ',"Validity":"1","Type":', coded(code, text_fi, NULL), '}');
CREATE MACRO road_address(a, town) AS
    concat('{"DomesticAddress":{', array_to_string(list_filter([
        if(a.co IS NULL, NULL, '"CareOf":' || json_text(a.co)), if(a.street IS NULL, NULL, '"Street":' || json_text(a.street)),
        if(a.box IS NULL, NULL, '"PostOfficeBox":' || json_text(a.box)), if(a.building IS NULL, NULL, '"BuildingNumber":' || json_text(a.building)),
        if(a.entrance IS NULL, NULL, '"Entrance":' || json_text(a.entrance)), if(a.apartment IS NULL, NULL, '"ApartmentNumber":' || json_text(a.apartment)),
        if(a.suffix IS NULL, NULL, '"ApartmentIDSuffix":' || json_text(a.suffix)),
        '"PostalCode":' || json_text(a.postcode), '"City":' || json_text(town)
    ], lambda part: part IS NOT NULL), ','), '}}');
CREATE MACRO extracted(first, last, today) AS TABLE
WITH chosen AS (
    SELECT
        e.*, f.name_fi AS form_fi, f.name_sv AS form_sv, i.name_fi AS industry_fi, i.name_sv AS industry_sv, m.name_fi AS town_fi, m.name_sv AS town_sv,
        pv.name_fi AS visiting_town, pp.name_fi AS postal_town,
        w AS trader, contact_phone(e.number, today) AS phone, contact_email(e.number, e.domain, e.is_swedish) AS email
    FROM entity AS e
    LEFT JOIN reference.legal_forms AS f ON e.legal_form_code = f.code
    LEFT JOIN reference.industries AS i ON e.industry_code = i.code
    LEFT JOIN reference.municipalities AS m ON e.municipality_code = m.code
    LEFT JOIN reference.postal_codes AS pv ON e.visiting.postcode = pv.postcode
    LEFT JOIN reference.postal_codes AS pp ON e.postal.postcode = pp.postcode
    LEFT JOIN (SELECT * FROM person WHERE person >= first * 4096 AND person < last * 4096 AND person % 4096 = 32) AS w ON w.person = place_key(e.number, 0, 1)
    WHERE e.number >= first AND e.number < last AND NOT e.is_historic
        AND (e.kind = 'sole_trader' OR (e.kind IN ('company', 'partnership', 'limited_partnership') AND chance(e.number, 'in the extract', 0.15)))
        -- Ceased ones stay for a month.
        AND (e.ended_on IS NULL OR e.ended_on > today - 31)
),
told AS (
    SELECT *, list_filter([
        if(phone IS NULL, NULL, contact_detail(told_phone(phone, number), if(starts_with(phone, '+35848'), '5', '1'), if(starts_with(phone, '+35848'), 'Matkapuhelin', 'Puhelin'))),
        if(email IS NULL, NULL, contact_detail(email, '3', 'Sähköposti')),
        if(website IS NULL OR website = '', NULL, contact_detail(website, '4', 'Kotisivun www-osoite')),
        if(chance(number, 'fax', 0.02), contact_detail(area_phone(number), '2', 'Faksi'), NULL)
    ], lambda c: c IS NOT NULL) AS contacts
    FROM chosen
)
SELECT concat(
    '{"Company":{"BusinessId":"', business_id, '"',
    if(kind = 'sole_trader', concat(',"Person":{"FirstNames":', json_text(trader.forenames), ',"Surname":', json_text(surname_on(trader, today)), '}'), ''),
    ',"TradeName":{"Name":', json_text(name), ',"RegistrationDate":"', registered_on, '"}',
    ',"AuxiliaryTradeNames":[],"ParallelTradeNames":[],"Bankruptcy":', status = 'bankruptcy', ',"CompanyReorganisation":', status = 'restructuring', ',"Liquidation":', status = 'liquidation',
    ',"BusinessInterruption":', kind = 'sole_trader' AND chance(number, 'interrupted', 0.03),
    ',"LegalForm":', coded(legal_form_code, form_fi, form_sv),
    if(municipality_code IS NULL, '', concat(',"Municipality":', coded(municipality_code, town_fi, town_sv))),
    if(industry_code IS NULL, '', concat(',"BusinessLine":', coded(industry_code, industry_fi, industry_sv))),
    ',"Language":', if(is_swedish, coded('2', 'ruotsi', 'svenska'), coded('1', 'suomi', 'finska')),
    ',"CompanyStatus":{"BusinessIdStatus":', coded('2', 'Voimassa', NULL), ',"Status":', if(ended_on IS NULL, coded('1', 'Toiminnassa', NULL), coded('4', 'Lakannut', NULL)), '}',
    if(postal.postcode IS NULL, '', concat(',"PostalAddress":', road_address(postal, postal_town))),
    if(visiting.postcode IS NULL OR chance(number, 'no street told', 0.2), '', concat(',"StreetAddress":', road_address(visiting, visiting_town))),
    CASE len(contacts) WHEN 0 THEN '' ELSE concat(',"ContactDetails":{"ContactDetail":', if(len(contacts) = 1 AND chance(number, 'bare contact', 0.3), contacts[1], concat('[', array_to_string(contacts, ','), ']')), '}') END,
    ',"RegistrationsInForce":{"RegistryEntry":[{"Registry":', coded('4', 'Verohallinnon perustiedot', NULL), ',"RegistrationDate":"', registered_on, '"}]}',
    ',"RegisteredInPrepaymentRegister":', chance(number, 'prepaid', 0.8), ',"InDebtAdjustment":', chance(number, 'debt', 0.002), '}}', chr(10)
) AS line
FROM told
ORDER BY hash(number, 'extract');

-- YRTTI: associations and foundations. The first line of the address is often a person's name (SAW).
CREATE MACRO registered_body(first, last, today, wanted) AS TABLE
WITH body AS (
    SELECT e.*, m.name_sv AS municipality_sv, p.name_fi AS town_fi, p.name_sv AS town_sv,
        if(wanted = 'association' AND e.is_swedish, 'SV', 'FI') AS language_code,
        if(wanted = 'association' AND h.person IS NOT NULL AND chance(e.number, 'person in address', 0.6), w.call_name || ' ' || surname_on(w, today), NULL) AS reached_at
    FROM entity AS e
    LEFT JOIN (SELECT number, min_by(person, slot) AS person FROM tenure WHERE organ = 'HAL' AND ended_on IS NULL GROUP BY number) AS h ON e.number = h.number
    LEFT JOIN person AS w ON h.person = w.person
    LEFT JOIN reference.municipalities AS m ON e.municipality_code = m.code
    LEFT JOIN reference.postal_codes AS p ON e.postal.postcode = p.postcode
    INNER JOIN other AS o ON e.number = o.number
    WHERE e.number >= first AND e.number < last AND e.kind = wanted
)
SELECT concat(
    '{"AssociationNameInfo":[{"Type":"P","Name":', json_text(name), ',"Language":"', language_code, '","Status":"R","StartDate":"', registered_on, '"}',
    if(chance(number, 'former body name', 0.08), concat(',{"Type":"P","Name":', json_text(coined_name(number, 'former body', is_swedish) || if(is_swedish, ' rf', ' ry')), ',"Language":"', language_code, '","Status":"VE","StartDate":"', registered_on, '"}'), ''),
    '],"BusinessId":', if(wanted = 'association' AND chance(number, 'no business id', 0.12), 'null', concat('"', business_id, '"')),
    ',"RegistrationNumber":"', coalesce(registration_number, (1000 + (number * 7) % 200000)::VARCHAR), '","Domicile":', json_text(municipality_code),
    ',"Address":[{"AddressTypeCode":"YRPO","FormattedAddressFI":', json_text(concat_ws(chr(10), reached_at, street_line(postal), concat(postal.postcode, ' ', town_fi))),
    if(town_sv IS NULL OR town_sv = town_fi, '', concat(',"FormattedAddressSE":', json_text(concat_ws(chr(10), reached_at, street_line(postal), concat(postal.postcode, ' ', town_sv))))),
    if(reached_at IS NULL, '', concat(',"AddressLine1":', json_text(reached_at))),
    ',"StreetName":', json_text(street_line(postal)), ',"PostCode":"', postal.postcode, '","City":', json_text(town_fi), '}]',
    if(reached_at IS NOT NULL OR chance(number, 'no contact', 0.7), '', concat(',"ContactInfo":{"Email":', json_text('info@' || domain), ',"Phone":', json_text(told_phone(organisation_phone(number), number)), '}')),
    ',"RegistryDate":"', registered_on, '","AssociationStatus":"', if(ended_on IS NULL, 'R', 'VE'), '","PurposeClassMain":"', 1 + dice(number, 'purpose', 9), '"}'
) AS record
FROM body
ORDER BY hash(number, 'yrtti');

-- Statistics Finland: size and sector of the collection service, and classes of staff.
CREATE MACRO sized(first, last) AS TABLE
SELECT csv_line([
    business_id, name, coalesce(left(industry_code, 2), ''),
    CASE kind WHEN 'municipality' THEN 'S.131311' WHEN 'county' THEN 'S.131321' WHEN 'joint_authority' THEN 'S.131312' WHEN 'state' THEN 'S.131111'
        WHEN 'association' THEN 'S.151' WHEN 'foundation' THEN 'S.152' WHEN 'sole_trader' THEN 'S.141' WHEN 'housing' THEN 'S.112' ELSE if(chance(number, 'foreign owned', 0.05), 'S.11103', 'S.11102') END,
    CASE WHEN chance(number, 'size unknown', 0.03) OR kind = 'housing' THEN '0' WHEN staff < 10 THEN '1' WHEN staff < 50 THEN '2' WHEN staff < 250 THEN '3' ELSE '4' END
]) AS line
FROM entity
WHERE number >= first AND number < last AND (ended_on IS NULL OR ended_on > DATE '2018-01-01')
ORDER BY hash(number, 'sizes');
CREATE MACRO staffed(first, last, today) AS TABLE
SELECT csv_line([
    business_id,
    CASE WHEN chance(number, 'staff unknown', 0.03) THEN 'ei vielä tiedossa' WHEN staff < 5 THEN '0–4' WHEN staff < 10 THEN '5–9' WHEN staff < 20 THEN '10–19' WHEN staff < 50 THEN '20–49' WHEN staff < 100 THEN '50–99'
        WHEN staff < 250 THEN '100–249' WHEN staff < 500 THEN '250–499' WHEN staff < 1000 THEN '500–999' ELSE '1 000–' END,
    strftime(today, '%Y-%m')
]) AS line
FROM entity
WHERE number >= first AND number < last AND ended_on IS NULL AND kind <> 'housing' AND NOT is_historic
ORDER BY hash(number, 'staff classes');

-- Surveys. The first export holds the calls of a year, later ones those since the day before; people are told as they were on the
-- day of the call, with the errors that happen at a telephone. `call` is who was called when, and who once more to check.
CREATE TABLE call (number BIGINT, called_on DATE, is_check BOOLEAN);
CREATE VIEW surveyable AS
FROM entity WHERE staff >= 10 AND kind <> 'housing' AND status IN ('active', 'restructuring') AND NOT is_historic;
-- first_calls: everybody once in the year before. daily_calls: a share a day. yearly_calls: everybody once a year, give or take three weeks.
CREATE MACRO called_first(number, day) AS (day - 1 - dice(number, 'called', 360))::DATE;
CREATE MACRO first_calls(first, last, today) AS TABLE
SELECT number, called_first(number, today) AS called_on, false AS is_check
FROM surveyable WHERE number >= first AND number < last;
CREATE MACRO daily_calls(first, last, today, share) AS TABLE
SELECT number, (today - 1)::DATE AS called_on, false AS is_check
FROM surveyable WHERE number >= first AND number < last AND chance(number, 'called' || today, share);
CREATE MACRO yearly_calls(first, last, today, gap, start) AS TABLE
SELECT number, called_on, false AS is_check
FROM (
    SELECT number, nth, (called_first(number, start) + (365 * nth + dice(number * 64 + nth, 'year about', 43) - 21)::INTEGER)::DATE AS called_on
    FROM (SELECT number, unnest(range(1, 2 + (today - start) // 365 + 1)) AS nth FROM surveyable WHERE number >= first AND number < last)
)
WHERE called_on < today AND called_on >= today - gap AND chance(number * 64 + nth, 'called again', 0.9);
-- One call in twenty is checked some weeks later by somebody else.
CREATE MACRO check_calls(today, gap) AS TABLE
SELECT number, checked_on, true AS is_check
FROM (
    SELECT *, (called_on + 14 + dice(number, 'check after' || called_on, 15))::DATE AS checked_on
    FROM call WHERE NOT is_check AND called_on >= today - gap - 30 AND chance(number, 'checked' || called_on, 0.05)
)
WHERE checked_on < today AND checked_on >= today - gap AND number IN (SELECT number FROM surveyable)
QUALIFY row_number() OVER (PARTITION BY number ORDER BY checked_on) = 1;
CREATE TABLE area_name AS
SELECT * FROM (VALUES
    ('YLEISJOHTO', 1, 'Yleisjohto ja hallinto'), ('TALOUS', 2, 'Talous ja rahoitus'), ('RISKI', 3, 'Riskienhallinta, vakuutukset ja lakiasiat'),
    ('HENKILOSTO', 4, 'Henkilöstöhallinto ja koulutus'), ('MYYNTI', 5, 'Myynnin johtaminen'), ('MARKKINOINTI', 6, 'Markkinointi'), ('VIESTINTA', 7, 'Viestintä'),
    ('JULKAISU', 8, 'Julkaisutoiminta'), ('ASIAKASPALVELU', 9, 'Asiakaspalvelu'), ('HANKINTA', 10, 'Hankinnat ja osto'), ('IT', 11, 'Tietohallinto ja IT'),
    ('KULJETUS', 12, 'Kuljetus ja logistiikka'), ('TUOTANTO', 13, 'Tuotanto ja tekniikka'), ('TK', 14, 'Tutkimus ja tuotekehitys'),
    ('KIINTEISTO', 15, 'Kiinteistöt, toimitilat ja turvallisuus'), ('LAATU', 16, 'Laatu, ympäristö ja vastuullisuus')
) AS t(area_code, area_no, name_fi);
SET VARIABLE area_numbers = (SELECT map(list(area_code ORDER BY area_no), list(area_no ORDER BY area_no)) FROM area_name);
SET VARIABLE area_names = (SELECT list(name_fi ORDER BY area_no) FROM area_name);
SET VARIABLE dispositions = (
    SELECT list(code ORDER BY code, copy)
    FROM (SELECT code, unnest(range(weight)) AS copy FROM (VALUES
        ('CMP', 600), ('CNC', 90), ('PRT', 50), ('RFS', 60), ('RFH', 20), ('RFO', 8), ('GKR', 25), ('NCA', 40), ('APP', 20), ('LNG', 4), ('NOA', 30),
        ('BSY', 5), ('VMB', 8), ('TEC', 4), ('BAD', 6), ('SML', 6), ('CLS', 3), ('OPT', 8), ('EBH', 6), ('EBS', 4), ('EAR', 3)) AS t(code, weight))
);
-- How a name is told: rightly, or with one of these errors.
CREATE MACRO misheard(name, who) AS
    CASE
        WHEN chance(who, 'ae', 0.02) THEN replace(replace(replace(name, 'ä', 'ae'), 'ö', 'oe'), 'å', 'aa')
        WHEN chance(who, 'no dots', 0.01) THEN translate(name, 'äöå', 'aoa')
        WHEN chance(who, 'capitals', 0.015) THEN upper(name)
        WHEN chance(who, 'letter lost', 0.012) AND len(name) > 4 THEN concat(left(name, 2), substr(name, 4))
        WHEN chance(who, 'letters swapped', 0.008) AND len(name) > 4 THEN concat(left(name, 1), substr(name, 3, 1), substr(name, 2, 1), substr(name, 4))
        ELSE name
    END;
-- Of a double name one half, or no hyphen; of a name with a particle the rest, or the particle with a capital.
CREATE MACRO shortened(name, who) AS
    CASE
        WHEN contains(name, '-') THEN CASE
            WHEN chance(who, 'first half', 0.2) THEN split_part(name, '-', 1) WHEN chance(who, 'second half', 0.08) THEN split_part(name, '-', 2)
            WHEN chance(who, 'no hyphen', 0.1) THEN replace(name, '-', ' ') ELSE name
        END
        WHEN regexp_matches(name, '^(von|af|de) ') THEN CASE
            WHEN chance(who, 'no particle', 0.3) THEN split_part(name, ' ', 2) WHEN chance(who, 'capital particle', 0.15) THEN concat(upper(left(name, 1)), substr(name, 2)) ELSE name
        END
        ELSE name
    END;
CREATE MACRO mistyped(email, who) AS concat(left(email, 1 + dice(who, 'typo', 3)), substr(email, 3 + dice(who, 'typo', 3)));
CREATE MACRO told_title(title, who) AS
    CASE dice(who, 'title form', 40)
        WHEN 0 THEN upper(title) WHEN 1 THEN title || ' ' WHEN 2 THEN concat('  ', title) WHEN 3 THEN misheard(concat(left(title, 3), substr(title, 5)), who)
        WHEN 4 THEN title || ' / ' || 'Mgmt' WHEN 5 THEN replace(title, ' ', '  ') WHEN 6 THEN title || ', DI' WHEN 7 THEN 'vs. ' || title
        WHEN 8 THEN title ELSE concat(upper(left(title, 1)), substr(title, 2))
    END;
CREATE MACRO surveyed(first, last, today, gap) AS TABLE
WITH drawn AS (
    SELECT
        e.*, c.called_on, c.is_check,
        pick(getvariable('dispositions'), number, 'disposition' || c.called_on || if(c.is_check, 'check', '')) AS first_outcome,
        pick(getvariable('dispositions'), number, 'tried again' || c.called_on || if(c.is_check, 'check', '')) AS second_outcome
    FROM surveyable AS e
    INNER JOIN call AS c USING (number)
    WHERE number >= first AND number < last AND c.called_on < today AND (gap IS NULL OR c.called_on >= today - gap)
),
cases AS (
    -- Whom nobody could speak to is tried again in the same wave.
    SELECT *, if(first_outcome IN ('RFS', 'GKR', 'NCA', 'APP', 'NOA', 'BSY', 'VMB', 'TEC'), second_outcome, first_outcome) AS disposition
    FROM drawn
),
told AS (
    SELECT
        c.*, pv.name_fi AS visiting_town, pp.name_fi AS postal_town, t.person, w AS whom, t.slot, t.generation, t.title, t.area_codes, t.started_on,
        -- Once in a while the one who answers does not know that somebody has left.
        CASE
            WHEN t.ended_on < c.called_on AND NOT chance(place_key(t.number, t.slot, t.generation), 'not noticed' || c.called_on, 0.06) THEN 'GON' ELSE c.disposition
        END AS outcome,
        place_key(c.number, coalesce(t.slot, 0), coalesce(t.generation, 0)) * 20000 + (c.called_on - DATE '2010-01-01') * 2 AS who
    FROM cases AS c
    LEFT JOIN reference.postal_codes AS pv ON c.visiting.postcode = pv.postcode
    LEFT JOIN reference.postal_codes AS pp ON c.postal.postcode = pp.postcode
    LEFT JOIN tenure AS t
        ON c.number = t.number AND t.slot >= 16 AND t.started_on <= c.called_on
        AND (
            (c.disposition IN ('CMP', 'CNC', 'PRT') AND (t.ended_on IS NULL OR t.ended_on >= c.called_on OR (t.ended_on > c.called_on - 365 AND NOT t.stays AND chance(c.number * 32 + t.slot, 'asked after', 0.5))))
            OR (c.disposition = 'OPT' AND (t.ended_on IS NULL OR t.ended_on >= c.called_on))
        )
    LEFT JOIN person AS w ON t.person = w.person
    QUALIFY row_number() OVER (PARTITION BY c.number, c.called_on, c.is_check, t.person ORDER BY t.started_on DESC, t.slot) = 1
),
-- Step by step, because a macro writes its argument out wherever it uses it. Some are still known by the name before the wedding.
named AS (
    SELECT *, whom.call_name AS forename, if(whom.married_on > called_on - 365 AND chance(who, 'former name', 0.3), whom.birth_surname, surname_on(whom, called_on)) AS surname
    FROM told
),
cut AS (SELECT * REPLACE (shortened(forename, who) AS forename, shortened(surname, who + 1) AS surname) FROM named),
heard AS (
    SELECT
        * REPLACE (
            if(chance(who, 'initial', 0.02), left(forename, 1) || if(chance(who, 'no full stop', 0.3), '', '.'), misheard(forename, who)) AS forename,
            misheard(surname, who + 1) AS surname
        ),
        work_email(whom, started_on, domain) AS email
    FROM cut
)
SELECT
    number, slot, generation, person,
    CASE dice(number, 'mode', 20) WHEN 0 THEN 'web' WHEN 1 THEN 'web' ELSE if(chance(number, 'panel', 0.4), 'panel', 'cati') END AS mode,
    area_codes,
    concat(if(is_check, 'T', 'W'), strftime(called_on, '%Y%m'), '-', number) AS case_id, strftime(called_on, 'A%Y') || if(is_check, '-T', '') AS aalto, staff::VARCHAR AS henkilosto,
    CASE WHEN chance(who, 'id without dash', 0.02) THEN replace(business_id, '-', '') WHEN chance(who, 'VAT form', 0.01) THEN 'FI' || replace(business_id, '-', '') ELSE business_id END AS y_tunnus,
    name AS yritys,
    if(person IS NULL OR outcome = 'GON' OR chance(who, 'switchboard only', 0.15), told_phone(organisation_phone(number), who), told_phone(whom.mobile, who)) AS puhelin,
    coalesce(if(chance(who, 'swapped', 0.01), surname, forename), '') AS etunimi,
    coalesce(if(chance(who, 'swapped', 0.01), forename, surname), '') AS sukunimi,
    coalesce(told_title(title, who), '') AS titteli,
    -- A third names no area: then only the title tells.
    if(area_codes IS NULL OR chance(who, 'no area told', 0.3), [], list_sort(list_distinct(list_concat(
        list_transform(string_split(area_codes, '|'), lambda a: getvariable('area_numbers')[a]),
        if(chance(who, 'another area', 0.08), [1 + dice(who, 'another area', 16)], [])
    )))) AS areas,
    CASE
        WHEN person IS NULL OR outcome = 'GON' OR chance(who, 'no e-mail told', 0.2) THEN ''
        WHEN chance(who, 'free mail', 0.02) THEN whom.private_email
        WHEN chance(who, 'role address', 0.05) THEN 'info@' || domain
        WHEN chance(who, 'pattern', 0.01) THEN 'etunimi.sukunimi@' || domain
        WHEN chance(who, 'mistyped', 0.015) THEN mistyped(email, who)
        WHEN chance(who, 'no at', 0.006) THEN replace(email, '@', '(at)')
        WHEN chance(who, 'loud e-mail', 0.03) THEN upper(email)
        ELSE email
    END AS sahkoposti,
    coalesce(street_line(visiting), '') AS kaynti_katu, coalesce(visiting.postcode, '') AS kaynti_postinumero, coalesce(visiting_town, '') AS kaynti_postitoimipaikka,
    coalesce(if(postal.box IS NULL, street_line(postal), 'PL ' || postal.box), '') AS posti_osoite, coalesce(postal.postcode, '') AS posti_postinumero,
    coalesce(postal_town, '') AS posti_postitoimipaikka,
    if(is_swedish, 'sv', 'fi') AS kieli,
    finnish_date(called_on - 7) AS kutsu_pvm,
    (1 + dice(number, 'attempts', 6))::VARCHAR AS soittokerrat,
    finnish_date(called_on) AS viim_yhteys,
    outcome AS tulos,
    'H' || lpad((1 + (dice(number, 'interviewer', 24) + if(is_check, 7, 0)) % 24)::VARCHAR, 2, '0') AS haastattelija,
    if(outcome = 'APP', strftime(called_on + 3 + INTERVAL 10 HOUR, '%-d.%-m.%Y %H:%M'), '') AS soittoaika,
    (30 + dice(number, 'seconds', 900))::VARCHAR AS kesto,
    CASE WHEN outcome = 'OPT' THEN 'Ei halua markkinointia' WHEN outcome = 'GON' THEN 'Ei enää talossa' WHEN chance(who, 'note', 0.05) THEN pick(['Soita iltapäivällä; ei maanantaisin', '"Kiireinen"', '=SUM(A1)', 'pyysi materiaalin'], who, 'note') ELSE '' END AS muistiinpano,
    if(disposition IN ('CMP', 'CNC', 'PRT'), 'k', '') AS suostumus,
    if(outcome = 'OPT', 'kyllä', '') AS kielto,
    strftime(called_on + INTERVAL 8 HOUR + to_minutes(dice(number, 'moment', 480)), '%-d.%-m.%Y %H:%M') AS aikaleima,
    if(person IS NULL, '', if(chance(who, 'self', 0.45), 'k', 'e')) AS vastaaja_itse,
    called_on
FROM heard;

-- What customers report back of the addresses they were given.
CREATE MACRO bounced(first, last, today, gap, is_first) AS TABLE
WITH reachable AS (
    SELECT
        t.number, t.slot, t.generation, t.person, e.domain, e.business_id, t.started_on, t.ended_on,
        work_email(w, t.started_on, e.domain) AS email,
        place_key(t.number, t.slot, t.generation) AS who,
        if(is_first, 20, gap) AS days
    FROM tenure AS t
    INNER JOIN entity AS e ON t.number = e.number
    INNER JOIN person AS w ON t.person = w.person
    WHERE t.slot >= 16 AND t.number >= first AND t.number < last AND (t.ended_on IS NULL OR t.ended_on > today - 400)
),
sent AS (
    SELECT *, CASE
        WHEN ended_on IS NOT NULL AND chance(who, 'gone' || today, within(0.02, days)) THEN pick(['hard', 'hard', 'hard', 'left', 'autoreply'], who, 'gone how')
        WHEN ended_on IS NOT NULL THEN NULL
        WHEN chance(who, 'full' || today, within(0.001, days)) THEN 'soft'
        WHEN chance(who, 'away' || today, within(0.001, days)) THEN 'autoreply'
        WHEN chance(who, 'broken' || today, within(0.0004, days)) THEN 'hard'
        WHEN chance(who, 'wrongly left' || today, within(0.0001, days)) THEN 'left'
        WHEN chance(who, 'objects' || today, within(0.0005, days)) THEN 'objection'
    END AS kind
    FROM reachable
)
SELECT
    who, person, business_id, if(chance(who, 'loud bounce', 0.03), upper(email), email) AS email, kind,
    greatest(if(is_first, today - 1 - dice(who, 'bounced', 60), day_within(who, 'bounced', today, gap)), if(ended_on < today - 1, ended_on + 1, started_on))::DATE AS bounced_on,
    pick(['A-1001', 'A-1002', 'A-1003', 'A-1004'], who, 'customer') AS recipient
FROM sent
WHERE kind IS NOT NULL;
