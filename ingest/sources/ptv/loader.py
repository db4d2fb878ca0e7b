"""Land the public bodies of the Finnish Service Catalogue (PTV): v11 from the API, v11 and the older v9 shape from files."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from base.normalise import columns as normal
from ingest.http import Registry, Retryable
from ingest.lake import LandingRefused, Manifest, Progress, archive_file, archive_folder, literal, quiet
from ingest.load import Load, already_landed
from ingest.paging import MAX_PASSES, Paged, capture, check_json, fetch_pages, read_page
from ingest.records import read_batches, unpack
from ingest.source import Source

SOURCE, DATASET = "ptv", "organisations"
IDS_PER_REQUEST = 100
# Organisations withdrawn between the listing and their turn; more than that is an answer with holes.
MISSING_ALLOWED, MISSING_SHARE = 20, 0.01
# The API's enumerations (SAW in its models). A code beside them is kept, counted and warned about.
CODES = {
    "organizationType": (
        "[organizationType]",
        ["State", "Municipality", "RegionalOrganization", "Organization", "Company", "SotePublic", "SotePrivate", "Region"],
    ),
    "addresses[].type": ("list_transform(addresses, lambda a: a.type)", ["Visiting", "Postal"]),
    "addresses[].subType": (
        "list_transform(addresses, lambda a: a.subType)",
        ["Street", "PostOfficeBox", "Foreign", "Other"],
    ),
    "phoneNumbers[].type": ("list_transform(phoneNumbers, lambda p: p.type)", ["Phone", "Sms", "Fax"]),
    "organizationNames[].type": ("list_transform(organizationNames, lambda n: n.type)", ["Name", "AlternativeName"]),
}
# Columns of the fact sheet that the record does not have: our normal forms.
OURS = {"businessId", "businessIdSource"}
GUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

LISTING = Paged(
    path="Organization",
    what="listing public bodies",
    fields={"pageNumber": int, "pageSize": int, "pageCount": int, "itemList": list},
    count=lambda page: int(page["pageCount"]),
    ids=lambda page: [item.get("id") if isinstance(item, dict) else None for item in page["itemList"]],
    flaw=lambda pages: _flaw(pages),
)


def land(
    origin: str | Path | None,
    as_of: date | None,
    home: Path,
    progress: Progress = quiet,
    *,
    mode: str | None = None,
    accept_bounds: str | None = None,
    limits: Mapping[str, float] | None = None,
) -> list[Manifest]:
    """Land what `origin` gives and return the receipt.

    origin: None for the service itself, another base URL, or a local folder or file (.json: one organisation, an array;
    .jsonl: one a line). A folder's `organizations.jsonl` is taken alone when there is one.
    as_of: the day the data speaks of; by default today.
    mode: "full" when the files are the whole catalogue (what is missing has disappeared), "partial" when they are an excerpt;
    by default full from the service and for JSON lines, partial for other files.
    limits: overrides of the fact sheet's `http` part.

    Raises LandingRefused in one clear line; whatever was landed before stays as it was.
    """
    source, day = Source.load(SOURCE), as_of or date.today()
    options: dict[str, Any] = {"official": origin is None, "accept_bounds": accept_bounds}
    if origin is not None and not str(origin).startswith(("http://", "https://")):
        given = _local_files(Path(origin))
        files = [archive_file(home, SOURCE, day, file) for file in given]
        mode = mode or ("full" if given[0].suffix == ".jsonl" else "partial")
        return [_land(source, files, day, home, mode, [], options)]
    with Registry(str(origin or source.url), {**source.http, **(limits or {})}) as registry:
        files, warnings = _fetch(registry, archive_folder(home, SOURCE, day), progress)
    return [_land(source, files, day, home, mode or "full", warnings, options)]


def _local_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    whole = path / "organizations.jsonl"
    if files := [whole] if whole.is_file() else sorted(f for f in path.glob("*.json") if "-page-" not in f.name):
        return files
    raise LandingRefused("no_such_file", f"{path} is no file and no folder of .json files")


# --- from the service --------------------------------------------------------------------------------------------------


def _fetch(registry: Registry, folder: Path, progress: Progress) -> tuple[list[Path], list[str]]:
    """The organisations of a day as captured answers, and warnings for the receipt. Resumes where it was cut off."""
    ids = _listed(registry, folder, progress)
    files: list[Path] = []
    missing: list[str] = []
    for start in range(0, len(ids), IDS_PER_REQUEST):
        asked = ids[start : start + IDS_PER_REQUEST]
        # Named by what was asked for: a listing that has changed asks for other answers.
        name = f"organisations-{hashlib.sha256(','.join(asked).encode()).hexdigest()[:16]}.json"
        check = partial(_answers, asked=asked)
        files.append(capture(registry, "Organization/list", {"guids": ",".join(asked)}, folder / name, check))
        missing += sorted(set(asked) - set(_ids(check_json(files[-1].read_bytes()))))
        progress("fetching public bodies", start + len(asked), len(ids))
    if len(missing) > max(MISSING_ALLOWED, MISSING_SHARE * len(ids)):
        raise LandingRefused("ids_missing", f"{len(missing)} of {len(ids)} listed organisations were not answered")
    return files, [f"{len(missing)} listed organisations were not answered: withdrawn meanwhile"] if missing else []


def _listed(registry: Registry, folder: Path, progress: Progress) -> list[str]:
    """Every id, sorted. The listing tells no total by which a record that slipped between two pages could be missed, so it
    is read until two readings agree; at ten pages that is cheap."""
    last: set[str] | None = None
    for reading in range(1, MAX_PASSES + 1):
        files = fetch_pages(registry, LISTING, {}, folder / f"listing-{reading}", progress)
        ids = {i for file in files for i in LISTING.ids(read_page(file)) if isinstance(i, str)}
        if ids == last:
            return sorted(ids)
        last = ids
    for file in folder.glob("listing-*/page-*.json"):
        file.unlink()
    raise LandingRefused("paging_unstable", f"{MAX_PASSES} readings of the listing tell of different organisations")


def _flaw(pages: list[dict[str, Any]]) -> str | None:
    if len({page["pageCount"] for page in pages}) > 1 or pages[0]["pageCount"] > len(pages):
        return "the number of pages changed"
    if [page["pageNumber"] for page in pages] != list(range(1, len(pages) + 1)):
        return "a page came under another's number"
    if any(len(page["itemList"]) != page["pageSize"] for page in pages[:-1]):
        return "a page before the last is not full"
    return None


def _answers(content: bytes, asked: Iterable[str]) -> None:
    """A list of organisations, none of which was not asked for."""
    found = check_json(content)
    if not isinstance(found, list):
        raise Retryable("not_json: no list of organisations")
    if strangers := set(_ids(found)) - set(asked):
        raise Retryable(f"{len(strangers)} organisations that were not asked for")


def _ids(organisations: list[Any]) -> list[str]:
    return [o["id"] for o in organisations if isinstance(o, dict) and isinstance(o.get("id"), str)]


# --- into the lake -----------------------------------------------------------------------------------------------------


def _land(
    source: Source, files: list[Path], day: date, home: Path, mode: str, warnings: list[str], options: dict[str, Any]
) -> Manifest:
    if known := already_landed(home, SOURCE, DATASET, day, files):
        return known
    texts = [text for file in files for batch in read_batches(file) for text in batch]
    with Load(source, DATASET, day, files=files, home=home, mode=mode, **options) as load:
        load.manifest.warnings += warnings
        record = {name: kind for name, kind in load.dataset.columns.items() if name not in OURS}
        refused = source.fields_refused
        load.unknown_fields += unpack(load.con, texts, record, required=("id", "organizationNames"), refused=refused)
        _judge(load)
        _inherit_business_ids(load, mode)
        _add_normal_forms(load)
        _write(load)
        _count_codes(load)
    return load.manifest


def _judge(load: Load) -> None:
    """Table `judged`: every record with its refusal, and its business code's normal form. The shape was judged before."""
    codes = _frame(load, "select _position, businessCode from unpacked order by _position")
    load.con.register("codes", codes.hstack(normal.business_ids(codes["businessCode"])).to_arrow())
    load.con.execute(f"""
        create or replace temp table judged as
        select u.* replace (lower(u.id) as id, lower(u.parentOrganizationId) as parentOrganizationId,
                            lower(u.organizationRootId) as organizationRootId),
               c.business_id,
               case
                   when _refusal is not null then _refusal
                   when not regexp_full_match(lower(u.id), '{GUID}') then ['id_shape', 'id']
                   when len(list_filter(organizationNames, lambda n: trim(n.value) <> '')) = 0
                       then ['name_missing', 'organizationNames[].value']
                   when trim(u.businessCode) <> '' and c.reason is not null then [c.reason, 'businessCode']
                   when modified <> '' and try_cast(modified as timestamptz) is null then ['date_invalid', 'modified']
               end as refusal
        from unpacked u join codes c using (_position)
    """)
    load.con.unregister("codes")


def _inherit_business_ids(load: Load, mode: str) -> None:
    """Table `inherited`: of each organisation without a business id that of its nearest ancestor that has one.

    An ancestor that this load refused, or that an excerpt does not hold, is taken as it was last landed: else its units
    would lose their organisation for a fault that is not theirs.
    """
    landed = literal(load.raw / "load=*" / "*.parquet")
    held = "true" if mode == "partial" else "lower(id) in (select id from judged)"
    load.con.execute(f"""
        create or replace temp table known as
        select id, business_id, nullif(coalesce(parentOrganizationId, organizationRootId), id) as parent
        from judged where refusal is null
        union all
        select id, last.business_id, last.parent
        from (
            select _key as id, arg_max({{op: _op, business_id: if(businessIdSource = 'own', businessId, null),
                parent: nullif(coalesce(parentOrganizationId, organizationRootId), id)}}, _load_id) as last
            from read_parquet({landed}, union_by_name=true, hive_partitioning=false) group by _key)
        where last.op <> 'D' and {held} and id not in (select id from judged where refusal is null);
        create or replace temp table inherited as
        with recursive above(id, business_id, ancestor, steps) as (
            select id, null::varchar, parent, 1 from known where business_id is null and parent is not null
            union all
            -- A circle of parents ends here: no public body is ten levels deep.
            select a.id, k.business_id, k.parent, a.steps + 1
            from above a join known k on k.id = a.ancestor where a.business_id is null and a.steps <= 10
        )
        select id, arg_min(business_id, steps) as business_id from above where business_id is not null group by id
    """)


def _add_normal_forms(load: Load) -> None:
    """Tables `phones` and `mails`: the lists of each organisation again, every entry with its normal form, in a fixed order
    (the source's own is arbitrary, and an order is no change). Of an entry with several numbers each becomes an entry."""
    phones = _entries(load, "phoneNumbers")
    phones = _split(phones.hstack(normal.phones(phones["number"], prefixes=phones["prefixNumber"])), "number", "e164")
    mails = _entries(load, "emails")
    mails = _split(mails.hstack(normal.emails(mails["value"])), "value", "address")
    for table, column, rows in (("phones", "phoneNumbers", phones), ("mails", "emails", mails)):
        load.con.register("rows", rows.to_arrow())
        pack = ", ".join(f'"{name}" := "{name}"' for name, _ in _item(load, column).children)
        load.con.execute(f"""
            create or replace temp table {table} as
            select _position, list_sort(list(distinct struct_pack({pack}))) as entries from rows group by _position
        """)
        load.con.unregister("rows")


def _item(load: Load, column: str) -> Any:
    """The type of one entry of a list column."""
    return load.con.execute(f"select unnest({column}) from unpacked limit 0").description[0][1]


def _entries(load: Load, column: str) -> pl.DataFrame:
    """One row per entry of a list column, without the places for our normal forms."""
    names = [name for name, _ in _item(load, column).children if name not in ("e164", "address", "kind", "domain")]
    fields = ", ".join(f'e."{name}"' for name in names)
    return _frame(
        load, f"select _position, {fields} from (select _position, unnest({column}) as e from judged where refusal is null)"
    )


def _frame(load: Load, query: str) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(load.con.sql(query).to_arrow_table()))


def _split(rows: pl.DataFrame, told: str, form: str) -> pl.DataFrame:
    """Further numbers or addresses of one text (`more`) as entries of their own, told as their normal form."""
    more = rows.filter(pl.col("more").list.len() > 0).explode("more")
    renormalised = (normal.phones if form == "e164" else normal.emails)(more["more"])
    further = more.drop(renormalised.columns, strict=False).with_columns(more["more"].alias(told)).hstack(renormalised)
    return pl.concat([rows, further.select(rows.columns)])


def _write(load: Load) -> None:
    """Hand every record to the load: lists in a canonical order, the rest as told."""
    columns = ", ".join(f'"{name}"' for name in load.dataset.columns)
    payload = ", ".join(f'"{name}" := "{name}"' for name in load.dataset.columns)
    street, box = "a.streetAddress", "a.postOfficeBoxAddress"
    load.con.execute(f"""
        create or replace temp table batch as
        with told as (
            select j.* exclude (phoneNumbers, emails, addresses) replace (
                       list_sort(organizationNames) as organizationNames, list_sort(displayNameType) as displayNameType,
                       list_sort(webPages) as webPages, list_sort(availableLanguages) as availableLanguages),
                   list_sort(list_transform(addresses, lambda a: struct_update(a,
                       streetAddress := if({street} is null, null, struct_update({street},
                           street := list_sort({street}.street), postOffice := list_sort({street}.postOffice))),
                       postOfficeBoxAddress := if({box} is null, null, struct_update({box},
                           postOfficeBox := list_sort({box}.postOfficeBox), postOffice := list_sort({box}.postOffice)))
                   ))) as addresses,
                   coalesce(p.entries, []) as phoneNumbers, coalesce(m.entries, []) as emails,
                   coalesce(j.business_id, i.business_id) as businessId,
                   case when j.business_id is not null then 'own' when i.business_id is not null then 'inherited' end
                       as businessIdSource
            from judged j left join phones p using (_position) left join mails m using (_position)
            left join inherited i on i.id = j.id
        )
        select {columns}, _position, _extra, id as _claimed,
               if(regexp_full_match(id, '{GUID}'), id, null) as _key, null::ubigint as _raw_hash,
               if(refusal is null, md5(to_json(struct_pack({payload}))::varchar || coalesce(_extra, '')), null) as _record_hash,
               refusal[1] as _reason, refusal[2] as _path, if(refusal is null, null, raw) as _original
        from told
    """)
    load.add("batch")


def _count_codes(load: Load) -> None:
    for field, (sql, known) in CODES.items():
        found = load.con.execute(
            f"select code, count(*) from (select unnest({sql}) as code from fresh) where code <> '' group by all"
        )
        load.unknown_codes.update({f"{field}={code}": n for code, n in found.fetchall() if code not in known})
