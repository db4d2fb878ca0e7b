-- founded(first, last, day, origin, gap): the organisations with those numbers as they are when first met.
-- gap: days since the world was met last. origin: 'base' the population of the first day, 'new' registered these days, 'historic' ceased long ago (never in the bulk).

CREATE MACRO domestic_address(who, purpose, is_swedish, postcode, day) AS {
    street: CASE
        WHEN is_swedish THEN pick(getvariable('streets_sv'), who, purpose || 'street') || pick(getvariable('street_ends_sv'), who, purpose || 'end')
        ELSE pick(getvariable('streets_fi'), who, purpose || 'street') || pick(getvariable('street_ends_fi'), who, purpose || 'end')
    END,
    -- Registers spell house numbers in every way: 7, 9b, 13a, 10-12, 1-3 B.
    building: concat(
        1 + dice(who, purpose || 'house', 89),
        CASE dice(who, purpose || 'house form', 40)
            WHEN 0 THEN 'b' WHEN 1 THEN 'a' WHEN 2 THEN 'B'
            WHEN 3 THEN concat('-', 91 + dice(who, purpose || 'house', 89))
            WHEN 4 THEN '-' || (91 + dice(who, purpose || 'house', 89)) || ' B'
        END
    ),
    entrance: if(chance(who, purpose || 'entrance', 0.25), chr(65 + dice(who, purpose || 'entrance', 6)), NULL),
    apartment: if(chance(who, purpose || 'apartment', 0.2), (1 + dice(who, purpose || 'apartment', 120))::VARCHAR, NULL),
    suffix: if(chance(who, purpose || 'suffix', 0.01), chr(97 + dice(who, purpose || 'suffix', 3)), NULL),
    box: NULL::VARCHAR,
    postcode: postcode,
    co: NULL::VARCHAR,
    country: NULL::VARCHAR,
    free_line: NULL::VARCHAR,
    since: day
};
CREATE MACRO box_address(who, purpose, postcode, day) AS {
    street: NULL::VARCHAR, building: NULL::VARCHAR, entrance: NULL::VARCHAR, apartment: NULL::VARCHAR, suffix: NULL::VARCHAR,
    box: (1 + dice(who, purpose || 'box', 999))::VARCHAR,
    postcode: postcode,
    co: NULL::VARCHAR, country: NULL::VARCHAR, free_line: NULL::VARCHAR,
    since: day
};
CREATE MACRO foreign_address(who, purpose, day) AS {
    street: NULL::VARCHAR, building: NULL::VARCHAR, entrance: NULL::VARCHAR, apartment: NULL::VARCHAR, suffix: NULL::VARCHAR,
    box: NULL::VARCHAR, postcode: NULL::VARCHAR, co: NULL::VARCHAR,
    country: pick(getvariable('foreign_countries'), who, purpose || 'foreign'),
    free_line: replace(pick(getvariable('foreign_lines'), who, purpose || 'foreign'), '{0}', (1 + dice(who, purpose || 'house', 200))::VARCHAR),
    since: day
};

-- The official name with the form in the place where that form has it.
CREATE MACRO official_name(who, purpose, form_code, is_swedish, place) AS
    CASE form_code
        WHEN '2' THEN concat_ws(' ', CASE WHEN is_swedish THEN 'Bostads Ab' WHEN chance(who, 'as oy', 0.7) THEN 'As Oy' ELSE 'Asunto Oy' END, place, house_name(who, purpose, is_swedish))
        WHEN '10' THEN concat_ws(' ', if(is_swedish, 'Fastighets Ab', if(chance(who, 'koy', 0.7), 'Kiinteistö Oy', 'KOy')), place, house_name(who, purpose, is_swedish))
        WHEN '56' THEN concat_ws(' ', 'Kiinteistö Oy', place, house_name(who, purpose, is_swedish))
        WHEN '13' THEN concat(firm_name(who, purpose, is_swedish, place), if(is_swedish, ' Kb', ' Ky'))
        WHEN '5' THEN concat(firm_name(who, purpose, is_swedish, place), if(is_swedish, ' Öb', ' Ay'))
        WHEN '14' THEN if(is_swedish, 'Andelslaget ' || coined_name(who, purpose, is_swedish), if(chance(who, 'osk', 0.5), 'Osuuskunta ' || coined_name(who, purpose, is_swedish), firm_name(who, purpose, is_swedish, place) || ' osk'))
        WHEN '17' THEN concat(firm_name(who, purpose, is_swedish, place), if(is_swedish, ' Abp', ' Oyj'))
        WHEN '16' THEN awkward(who, purpose, CASE
            WHEN is_swedish THEN if(chance(who, 'ab first', 0.5), 'Ab ' || firm_name(who, purpose, true, place) || if(chance(who, 'oy last', 0.4), ' Oy', ''), firm_name(who, purpose, true, place) || ' Ab')
            WHEN chance(who, 'oy ab', 0.06) THEN firm_name(who, purpose, false, place) || ' Oy Ab'
            WHEN chance(who, 'oy first', 0.08) THEN 'Oy ' || firm_name(who, purpose, false, place) || ' Ab'
            ELSE firm_name(who, purpose, false, place) || ' Oy'
        END)
        WHEN '15' THEN concat(place, 'n seudun Osuuspankki')
        WHEN '18' THEN concat(coined_name(who, purpose, is_swedish), if(is_swedish, 'stiftelsen sr', '-säätiö sr'))
        WHEN '6' THEN concat_ws(' ', place, coined_name(who, purpose, is_swedish), if(is_swedish, 'rf', 'ry'))
        WHEN '19' THEN concat_ws(' ', coined_name(who, purpose, is_swedish), pick(['GmbH', 'Ltd', 'AB', 'OÜ', 'Inc.'], who, 'parent'), if(is_swedish, 'filial i Finland', 'sivuliike Suomessa'))
        WHEN '55' THEN concat_ws(' ', place, coined_name(who, purpose, is_swedish), 'yhteismetsä')
        WHEN '80' THEN concat(firm_name(who, purpose, is_swedish, place), ' SE')
        ELSE firm_name(who, purpose, is_swedish, place)
    END;
CREATE MACRO awkward(who, purpose, name) AS
    if(chance(who, purpose || 'awkward', 0.006), replace(pick(getvariable('awkward_names'), who, purpose || 'awkward form'), '{0}', name), name);

CREATE MACRO founded(first, last, day, origin, gap) AS TABLE
WITH drawn AS (
    SELECT
        n.number,
        f.code AS legal_form_code,
        h.* EXCLUDE (slot),
        -- Swedish speakers live where Swedish is spoken; home_slot knows the municipality's languages.
        CASE h.language_code
            WHEN 'sv' THEN true
            WHEN 'sv_fi' THEN chance(n.number, 'swedish', 0.5)
            WHEN 'fi_sv' THEN chance(n.number, 'swedish', 0.08)
            ELSE false
        END AS is_swedish,
        i.code AS drawn_industry,
        i.code_2008,
        f.code IN ('2', '10', '56', '3', '4') AS is_housing,
        CASE
            WHEN origin = 'new' THEN (day - dice(n.number, 'registered', greatest(4, gap)))::DATE
            WHEN chance(n.number, 'very old', 0.004) THEN (DATE '1896-12-01' + dice(n.number, 'registered', 16000))::DATE
            ELSE (day - 2 - (power(dice(n.number, 'registered', 1000000) / 1000000.0, 1.5) * 16700)::INTEGER)::DATE
        END AS registered
    FROM (SELECT unnest(range(first, last)) AS number) AS n
    INNER JOIN form_slot AS f ON f.slot = dice(n.number, 'form', getvariable('form_slots'))
    INNER JOIN home_slot AS h ON h.slot = dice(n.number, 'home', getvariable('home_slots'))
    INNER JOIN industry_slot AS i ON i.slot = dice(n.number, 'industry', getvariable('industry_slots'))
),
placed AS (
    SELECT
        *,
        if(is_swedish, place_sv, place_fi) AS place,
        CASE
            WHEN origin = 'historic' THEN 'ceased'
            WHEN origin = 'new' THEN if(chance(number, 'pending', 0.1), 'pending', 'active')
            WHEN chance(number, 'pending', 0.004) THEN 'pending'
            WHEN chance(number, 'lingering', 0.001) THEN 'ceased'
            WHEN is_housing THEN if(chance(number, 'liquidation', 0.002), 'liquidation', 'active')
            WHEN chance(number, 'bankruptcy', 0.012) THEN 'bankruptcy'
            WHEN chance(number, 'liquidation', 0.017) THEN 'liquidation'
            WHEN chance(number, 'restructuring', 0.002) THEN 'restructuring'
            ELSE 'active'
        END AS status,
        CASE
            WHEN legal_form_code = '2' THEN '68202'
            WHEN legal_form_code IN ('10', '56') THEN '68203'
            ELSE drawn_industry
        END AS industry,
        greatest(registered, (day - 2 - dice(number, 'changed', 2500))::DATE) AS some_day,
        -- Where the organisation is reached: READ, 95.6 % of the bulk has a street address.
        CASE
            WHEN legal_form_code = '19' OR chance(number, 'abroad', 0.006) THEN 'abroad'
            WHEN chance(number, 'no address', 0.004) THEN 'nowhere'
            WHEN chance(number, 'postal only', 0.034) THEN 'postal'
            WHEN chance(number, 'visiting only', 0.2) THEN 'visiting'
            ELSE 'both'
        END AS reached
    FROM drawn
)
SELECT
    p.number,
    business_id(p.number) AS business_id,
    p.legal_form_code,
    -- Some limited companies were partnerships once.
    if(p.legal_form_code = '16' AND chance(p.number, 'form changed', 0.02), '13', NULL) AS former_form_code,
    official_name(p.number, 'name', p.legal_form_code, p.is_swedish, p.place) AS name,
    if(origin <> 'new' AND chance(p.number, 'renamed once', 0.12), p.some_day, p.registered) AS name_since,
    if(origin <> 'new' AND chance(p.number, 'renamed once', 0.12), official_name(p.number, 'former name', p.legal_form_code, p.is_swedish, p.place), NULL) AS former_name,
    if(NOT p.is_housing AND chance(p.number, 'parallel', 0.05), firm_name(p.number, 'name', NOT p.is_swedish, p.place_sv) || ' Ltd', NULL) AS parallel_name,
    CASE
        WHEN p.is_housing OR NOT chance(p.number, 'auxiliary', 0.09) THEN []
        ELSE list_transform(
            range(CASE WHEN chance(p.number, 'many auxiliary', 0.01) THEN 12 ELSE 1 + dice(p.number, 'auxiliary count', 2) END),
            lambda i: firm_name(p.number * 100 + i, 'auxiliary', p.is_swedish, NULL)
        )
    END AS auxiliary_names,
    p.is_swedish,
    p.status,
    CASE p.status WHEN 'bankruptcy' THEN 'KONK' WHEN 'liquidation' THEN 'SELTILA' WHEN 'restructuring' THEN 'SANE' END AS situation,
    if(p.status IN ('bankruptcy', 'liquidation', 'restructuring'), p.some_day, NULL) AS situation_since,
    -- A situation that is over keeps its row, with an end date.
    if(p.status = 'active' AND NOT p.is_housing AND origin = 'base' AND chance(p.number, 'situation over', 0.01), pick(['SANE', 'SELTILA', 'KONK'], p.number, 'situation over which'), NULL) AS past_situation,
    if(p.status = 'pending', NULL, p.registered) AS registered_on,
    if(p.registered < DATE '1978-03-15', DATE '1978-03-15', (p.registered - dice(p.number, 'id given', 20))::DATE) AS id_given_on,
    if(p.status = 'ceased', (greatest(p.registered, day - 2 - dice(p.number, 'ended', if(origin = 'historic', 6000, 30))))::DATE, NULL) AS ended_on,
    -- READ: nearly all rows carry TOL 2025 dated 2026-01-01, even when the company itself is younger (SAW).
    CASE WHEN chance(p.number, 'no industry', 0.002) THEN NULL WHEN p.status = 'ceased' OR chance(p.number, 'old industry', 0.015) THEN 'TOIMI3' ELSE 'TOIMI4' END AS industry_code_set,
    CASE
        WHEN chance(p.number, 'no industry', 0.002) THEN NULL
        WHEN p.status = 'ceased' OR chance(p.number, 'old industry', 0.015) THEN CASE WHEN p.legal_form_code = '2' THEN '68202' WHEN p.legal_form_code IN ('10', '56') THEN '68209' ELSE p.code_2008 END
        WHEN chance(p.number, 'coarse industry', 0.003) THEN left(p.industry, 2 + dice(p.number, 'coarse industry', 2))
        ELSE p.industry
    END AS industry_code,
    CASE WHEN chance(p.number, 'no industry', 0.002) THEN NULL ELSE p.industry END AS tol_2025_code,
    if(p.status = 'ceased' OR chance(p.number, 'old industry', 0.015), greatest(p.registered, DATE '2009-01-01'), DATE '2026-01-01') AS industry_since,
    CASE
        WHEN p.is_housing OR origin = 'new' OR NOT chance(p.number, 'website', 0.078) THEN NULL
        WHEN chance(p.number, 'empty website', 0.01) THEN ''
        ELSE website_of(coined_name(p.number, 'name', p.is_swedish))
    END AS website,
    p.some_day AS website_since,
    origin <> 'historic' AS in_bulk,
    origin = 'historic' AS is_historic,
    if(chance(p.number, 'employer', CASE WHEN p.status IN ('pending', 'ceased') THEN 0 WHEN p.is_housing THEN 0.01 WHEN origin = 'new' THEN 0.05 ELSE 0.275 END), least(p.registered + dice(p.number, 'employer since', 200), day - 1)::DATE, NULL) AS employer_since,
    -- A few were employers once: the entry stays, with an end date.
    if(NOT p.is_housing AND origin = 'base' AND chance(p.number, 'employer', 0.32) AND NOT chance(p.number, 'employer', 0.275), least(p.registered + 60 + dice(p.number, 'employer until', 2000), day - 1)::DATE, NULL) AS employer_until,
    chance(p.number, 'vat', if(p.is_housing, 0.07, if(p.status = 'ceased', 0, 0.8))) AS is_vat_registered,
    chance(p.number, 'prepayment', if(p.is_housing, 0.3, if(p.status = 'ceased', 0, 0.85))) AS is_prepayment_registered,
    -- As a reader of the register would have it: no address in Finland, no municipality.
    if(p.reached IN ('abroad', 'nowhere'), NULL, p.municipality_code) AS municipality_code,
    p.postcode AS home_postcode,
    CASE p.reached
        WHEN 'visiting' THEN domestic_address(p.number, 'visiting', p.is_swedish, p.postcode, p.some_day)
        WHEN 'both' THEN domestic_address(p.number, 'visiting', p.is_swedish, p.postcode, p.some_day)
    END AS visiting,
    CASE
        WHEN p.reached IN ('visiting', 'nowhere') THEN NULL
        WHEN p.reached = 'abroad' THEN foreign_address(p.number, 'postal', p.some_day)
        WHEN p.is_housing AND chance(p.number, 'care of', 0.75) THEN struct_update(
            domestic_address(p.number, 'postal', p.is_swedish, p.postcode, p.some_day),
            co := left(CASE
                WHEN chance(p.number, 'care of a person', 0.5) THEN concat(if(chance(p.number, 'c/o written', 0.6), 'c/o ', ''), forename.name, ' ', surname.name)
                WHEN chance(p.number, 'c/o upper', 0.1) THEN 'C/O Isännöinti ' || coined_name(p.number, 'manager', p.is_swedish) || ' Oy'
                ELSE concat(if(chance(p.number, 'c/o written', 0.5), 'c/o ', ''), 'Isännöinti ', coined_name(p.number, 'manager', p.is_swedish), ' Oy')
            END, 34)
        )
        WHEN b.postcodes IS NOT NULL AND chance(p.number, 'box', 0.12) THEN box_address(p.number, 'postal', pick(b.postcodes, p.number, 'box'), p.some_day)
        WHEN p.reached = 'both' AND chance(p.number, 'corporate', 0.001) THEN box_address(p.number, 'postal', pick(getvariable('corporate_codes'), p.number, 'corporate'), p.some_day)
        WHEN chance(p.number, 'small care of', 0.01) THEN struct_update(domestic_address(p.number, 'visiting', p.is_swedish, p.postcode, p.some_day), co := left(concat('c/o ', forename.name, ' ', surname.name), 34))
        WHEN chance(p.number, 'other postal', 0.1) THEN domestic_address(p.number, 'postal', p.is_swedish, p.postcode, p.some_day)
        ELSE domestic_address(p.number, 'visiting', p.is_swedish, p.postcode, p.some_day)
    END AS postal,
    CASE
        WHEN origin = 'new' THEN (day - INTERVAL 1 DAY) + to_seconds(dice(p.number, 'second', 86400))
        ELSE p.some_day + to_seconds(dice(p.number, 'second', 86400))
    END AS last_modified,
    day AS met_on,
    -- What the arbitrary orders of lists in the record depend on: another value, another order, same content.
    p.number AS order_key,
    if(origin = 'new', 'new', 'none') AS event,
    NULL::VARCHAR AS changed_field,
    false AS is_reshuffled
FROM placed AS p
LEFT JOIN box_postcodes AS b USING (municipality_code)
LEFT JOIN person_slot AS forename ON NOT forename.is_surname AND forename.slot = dice(p.number, 'forename', getvariable('first_name_slots'))
LEFT JOIN person_slot AS surname ON surname.is_surname AND surname.slot = dice(p.number, 'surname', getvariable('surname_slots'));
