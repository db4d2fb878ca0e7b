"""Counts, facets, breakdowns and previews of a target group, for a recipient: what API and page both show."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from base.refused import Refused
from delivery import criteria, group
from delivery.columns import Language
from delivery.counting import Context, protected
from delivery.group import TargetGroup
from delivery.nearest import refuse
from delivery.picker import Cell
from delivery.service.faults import Fault
from delivery.service.shelf import Shelf, Version
from ledger import store

PREVIEW_ROWS = 20
PROFILE = ("industry_section", "staff_band", "region", "area")
"""Dimensions that the profile of a group is drawn by, beside BANDS."""
BANDS: dict[str, list[tuple[float | None, float | None]]] = {
    "age_years": [(None, 1), (2, 4), (5, 9), (10, 19), (20, 49), (50, None)],
    "days_since_verified": [(None, 92), (93, 183), (184, 365), (366, 730), (731, None)],
}
"""Ranges that it is drawn by: years since registration; days since a look found the person there (3, 6, 12, 24 months)."""
WHOLES = 64
"""Profiles of the whole population that are kept."""


@dataclass(frozen=True)
class Look:
    """Everything that a page shows of a group at once. told: as count(). facets: what else could be chosen. profile: who is
    available by dimension; whole: the same of everybody whom these channels reach, with their number.
    """

    told: dict[str, Any]
    facets: dict[str, list[Cell]]
    profile: dict[str, list[Cell]]
    whole: dict[str, list[Cell]]
    whole_size: int


def count(shelf: Shelf, wanted: TargetGroup, recipient_id: str, lists: dict[str, Path]) -> dict[str, Any]:
    """The waterfall and what else delivery.picker.Count tells; small losses among persons in one line. Raises Refused."""
    with shelf.version() as version:
        return _told(version, wanted, _context(shelf, wanted, recipient_id, lists))


def look(shelf: Shelf, wanted: TargetGroup, recipient_id: str, lists: dict[str, Path], dimensions: Sequence[str]) -> Look:
    """Count, facets of these dimensions and profile, all of one version. Raises Refused."""
    with shelf.version() as version:
        context = _context(shelf, wanted, recipient_id, lists)
        told = _told(version, wanted, context)
        found = version.picker.facets(wanted, dimensions, context)
        size, whole = _whole(version, wanted)
        return Look(told, found, _profile(version, wanted, context), whole, size)


def _told(version: Version, wanted: TargetGroup, context: Context) -> dict[str, Any]:
    counted = version.picker.count(wanted, context)
    told = vars(protected(counted) if wanted.unit == "person" else counted)  # asdict copies all of it deeply
    return {"criteria_hash": group.digest(wanted), "version": version.folder.name, "result": counted.result, **told}


def _profile(version: Version, wanted: TargetGroup, context: Context) -> dict[str, list[Cell]]:
    asked = [one.code for one in criteria.of_unit(wanted.unit)]
    found = {name: version.picker.breakdown(wanted, [name], context) for name in PROFILE if name in asked}
    return found | {name: version.picker.bands(wanted, name, cut, context) for name, cut in BANDS.items() if name in asked}


def _whole(version: Version, wanted: TargetGroup) -> tuple[int, dict[str, list[Cell]]]:
    """Number and profile of everybody whom the channels reach for this campaign, whoever asks: the same until there is another
    version."""
    chosen = {"criteria", "include", "exclude", "not_delivered_months", "per_company", "sample"}
    everybody = TargetGroup.model_validate(wanted.model_dump(exclude=chosen))
    key = group.digest(everybody)
    if key not in version.wholes:
        if len(version.wholes) >= WHOLES:
            version.wholes.clear()
        version.wholes[key] = (
            version.picker.count(everybody).available, _profile(version, everybody, Context())
        )  # fmt: skip
    kept: tuple[int, dict[str, list[Cell]]] = version.wholes[key]
    return kept


def facets(
    shelf: Shelf, wanted: TargetGroup, recipient_id: str, lists: dict[str, Path], dimensions: Sequence[str] | None = None
) -> dict[str, list[Cell]]:
    """The values of each dimension with how many are available. Raises Refused."""
    with shelf.version() as version:
        return version.picker.facets(wanted, dimensions, _context(shelf, wanted, recipient_id, lists))


def breakdown(shelf: Shelf, wanted: TargetGroup, recipient_id: str, lists: dict[str, Path], by: Sequence[str]) -> list[Cell]:
    """Who is available by one or two dimensions. Raises Refused."""
    if not 1 <= len(by) <= 2:
        raise Refused("a breakdown has one or two dimensions")
    with shelf.version() as version:
        return version.picker.breakdown(wanted, by, _context(shelf, wanted, recipient_id, lists))


def preview(
    shelf: Shelf, wanted: TargetGroup, recipient_id: str, lists: dict[str, Path], language: Language, rows: int = PREVIEW_ROWS
) -> list[dict[str, Any]]:
    """A few of those available, spread over all: the organisation, of a person area and level only, contacts masked.

    Shows persons, if masked: so only while the version counted over is proven against the ledger as it is. Raises Refused;
    Fault 409 when somebody has objected since.
    """
    with shelf.version() as version:
        ((proven,),) = version.db.execute("select suppression_version from marketing.about").fetchall()
        if proven != store.suppression_head(shelf.home).version:
            raise Fault(409, "somebody has objected since the last publication: rows are shown again from the next one on")
        picker = version.picker
        ids = picker.some(wanted, min(rows, PREVIEW_ROWS), _context(shelf, wanted, recipient_id, lists))
        return _masked(version, wanted, ids, language)


def _masked(version: Version, wanted: TargetGroup, ids: list[str], language: Language) -> list[dict[str, Any]]:
    index = version.picker.index(wanted.unit, wanted.purpose, wanted.as_of)
    contacts = "registry.maintenance_contacts" if wanted.purpose == "maintenance" else "marketing.marketing_contacts"
    municipality = "sv" if language == "sv" else "fi"
    rows = version.db.execute(
        f"""
        with chosen as (
            select target_id, person_id, business_id from {index.table} where target_id in (select unnest($1::varchar[]))
        ),
        open as (
            select chosen.target_id, list_sort(list(distinct contacts.channel)) as channels,
                any_value(upper(contacts.first_name[1]) || '••• ' || upper(contacts.last_name[1]) || '•••') as person
            from chosen inner join {contacts} as contacts
                on chosen.person_id is not distinct from contacts.person_id and chosen.business_id = contacts.business_id
            where contacts.channel in (select unnest($2::varchar[])) group by chosen.target_id
        ),
        made as (
            select person_id, business_id, any_value(level) as level, list_sort(list(distinct area_code)) as areas,
                max(verified_on) as verified_on
            from registry.decision_makers semi join chosen using (person_id, business_id) group by all
        )
        -- A trader's name is often a person's.
        select
            case when firm.legal_form_group = 'sole_trader' then upper(firm.name[1]) || '•••' else firm.name end
                as organisation,
            firm.municipality_name_{municipality} as municipality, firm.industry_code,
            open.person, made.areas, made.level, made.verified_on, open.channels
        from chosen
        left join marketing.organisations as firm using (business_id)
        left join open using (target_id)
        left join made on chosen.person_id = made.person_id and chosen.business_id = made.business_id
        order by chosen.target_id
        """,
        [ids, list(wanted.channels)],
    )
    names = [column[0] for column in rows.description or []]
    return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def catalogue(language: Language) -> list[dict[str, Any]]:
    """What a group can be chosen by."""
    return [
        {
            "code": one.code, "name": one.names[language], "unit": one.unit, "kind": one.kind, "is_facet": one.is_facet,
            "as_of": one.in_history, "description": one.description,
        }
        for one in criteria.catalogue().values()
    ]  # fmt: skip


def codes(shelf: Shelf, criterion: str, text: str, most: int = 50) -> list[dict[str, Any]]:
    """Codes of a criterion whose code or name holds a text, those that begin with it first. Raises Refused."""
    if criterion not in criteria.catalogue():
        raise refuse("criterion", criterion, list(criteria.catalogue()))
    sought = text.strip().casefold()
    with shelf.version() as version:
        valid = version.picker.book.valid(criteria.catalogue()[criterion])
    found = [
        (not any(word.casefold().startswith(sought) for word in (code, *names)), code, names)
        for code, names in valid.items()
        if any(sought in word.casefold() for word in (code, *names))
    ]
    return [{"code": code, "names": list(names)} for _, code, names in sorted(found)[:most]]


def _context(shelf: Shelf, wanted: TargetGroup, recipient_id: str, lists: dict[str, Path]) -> Context:
    named = {*wanted.include, *wanted.exclude}
    if missing := named - lists.keys():
        raise Refused(f"there is no list {sorted(missing)[0]!r}: upload it first")
    return shelf.context(recipient_id, wanted, {name: lists[name] for name in named})
