"""The files of one delivery, in a draft folder: data, manifest, contract, checksums, `_READY`. Nobody can see them yet."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyrage

from base import files
from delivery import contract, decoys, group, manifest, published, terms
from delivery.columns import CONTRACT_VERSION
from delivery.content import Content, Fill
from delivery.group import TargetGroup
from delivery.house import House, house
from delivery.orders import Order
from delivery.render import About, RenderedFile, render
from delivery.schedule import HELSINKI
from delivery.send.destinations import READY


@dataclass(frozen=True)
class Made:
    """What was made. digests: of every row of the full file (delta.ROWS), whatever part of it the files hold."""

    digests: pa.Table
    suppression_version: str
    manifest: manifest.Manifest


def make(home: Path, version: Path, order: Order, delivery_id: str, draft: Path, now: datetime, fill: Fill) -> Made:
    """Write the files of a delivery into `draft` from the published `version`. Raises Refused, LedgerRefused."""
    spec = order.spec
    we = house(leaves=spec.destination is not None)
    until = (now.astimezone(HELSINKI) + timedelta(days=spec.licence_days)).date()
    with published.desk(home, version) as db:
        content = fill(db, order, until, now)
        about = About(
            file_id=delivery_id, stem=stem(order, delivery_id), contract_version=CONTRACT_VERSION,
            as_of=now.astimezone(UTC), valid_until=until, unit=spec.group.unit, channels=frozenset(spec.group.channels),
            fields=frozenset(spec.fields) if spec.fields is not None else None, delta=content.kind != "full",
            maintenance=spec.group.purpose == "maintenance", has_topic=spec.group.campaign.topic is not None,
            waterfall=content.gates, matching=content.matching,
            terms=terms.terms(order.accepted.terms).lines(spec.file.value_language),
        )  # fmt: skip
        rows = decoys.mixed(content.rows, delivery_id) if content.is_whole and not about.maintenance else content.rows
        rendered = _locked(render(rows, spec.file, about, draft), spec.age_recipient)
        told = _manifest(db, version, order, about, rendered, content, we, now)
    manifest.write(told, draft)
    files.write_text(draft / contract.CONTRACT, contract.contract_text(told, _service(order, we)))
    languages = (spec.file.header_language, spec.file.value_language)
    files.write_text(draft / contract.PACKAGE, contract.data_package_text(told, *languages))
    _seal(draft)
    return Made(content.digests, told.suppression_version, told)


def stem(order: Order, delivery_id: str) -> str:
    """kohderyhma_<asiakas>_<tilaus>_<yyyymmdd>_<vNN>: nobody's name in it but the recipient's."""
    day, number = delivery_id.removeprefix(f"{order.order_id}-").split("-")
    return f"kohderyhma_{order.recipient_id}_{order.order_id}_{day}_{number}"


def _locked(rendered: list[RenderedFile], recipient: str | None) -> list[RenderedFile]:
    """The files encrypted to the recipient's age key; the clear ones are gone. Without a key they stay as they are."""
    if recipient is None:
        return rendered
    made = []
    for file in rendered:
        locked = file.path.with_name(f"{file.name}.age")
        pyrage.encrypt_file(str(file.path), str(locked), [pyrage.x25519.Recipient.from_str(recipient)])
        file.path.unlink()
        made.append(replace(file, name=locked.name, path=locked, sha256=files.sha256(locked), bytes=locked.stat().st_size))
    return made


def _manifest(
    db: duckdb.DuckDBPyConnection, version: Path, order: Order, about: About, rendered: list[RenderedFile], content: Content,
    we: House, now: datetime,
) -> manifest.Manifest:  # fmt: skip
    spec = order.spec
    told: TargetGroup = spec.group
    rows = content.rows.num_rows
    ((proven,),) = db.execute("select suppression_version from marketing.about").fetchall()
    ((as_of,),) = db.execute(
        "select max(in_service_as_of) from registry.source_health where source_name <> 'ledger'"
    ).fetchall()
    ((taxonomy,),) = db.execute("select max(taxonomy_version) from registry.reference.areas_of_responsibility").fetchall()
    campaign = told.campaign
    return manifest.build(
        about, spec.file, rendered,
        order_id=order.order_id, kind=content.kind, created_at=now, rows=rows,
        recipient={
            "recipient_id": order.recipient_id, "name": order.recipient_name, "business_id": order.recipient_business_id,
        },
        criteria={"canonical": group.canonical(told), "sha256": group.digest(told)},
        versions={
            "published": version.name, "as_of": as_of or date.min, "taxonomy": taxonomy, "classifier": vocabulary_version(db),
            "contract": CONTRACT_VERSION,
        },
        suppression_version=proven, suppression={"version": proven, "proven_at": now},
        accepted={"by_whom": order.accepted.by, "at": order.accepted.at.replace(tzinfo=UTC), "version": order.accepted.terms},
        prices=_prices(None if content.kind == "recall" else spec.price_per_row_eur, rows),
        decoys={"count": sum(file.rows for file in rendered if file.kind == "data") - rows},
        expected_bounce=_expected_bounce(content.rows, about),
        campaign={"topic": campaign.topic, "areas": campaign.areas, "override_reason": campaign.override_reason}
        if campaign.topic
        else None,
        **manifest.promises(content.sources, we.contact, order.accepted.terms),
    )  # fmt: skip


def _expected_bounce(rows: pa.Table, about: About) -> dict[str, float]:
    """Share of the file's e-mail that will not arrive, as a count tells it (picker.Count): of persons whose address is told."""
    if about.unit != "person" or (about.fields is not None and "email" not in about.fields):
        return {}
    p_current = pc.mean(rows.filter(pc.is_valid(rows["email"]))["p_current"]).as_py()
    return {} if p_current is None else {"email": round(1 - p_current, 4)}


def vocabulary_version(db: duckdb.DuckDBPyConnection) -> str:
    """Which words the classifier of titles knew: letters of a digest over its vocabulary as published."""
    tables = db.execute(
        "select table_name from duckdb_tables() where database_name = 'registry' and schema_name = 'reference' "
        "and table_name like 'title\\_%' escape '\\' order by 1"
    ).fetchall()
    of_one = "select md5(string_agg(to_json(t)::varchar, '' order by to_json(t)::varchar)) from registry.reference.{} as t"
    told = [str(db.execute(of_one.format(name)).fetchall()) for (name,) in tables]
    return hashlib.sha256("".join(told).encode()).hexdigest()[:12]


def _prices(per_row: float | None, rows: int) -> list[dict[str, Any]]:
    if per_row is None:
        return []
    unit = Decimal(str(per_row))
    return [{"what": "row", "quantity": rows, "unit_price_eur": unit, "total_eur": unit * rows}]


def _service(order: Order, we: House) -> contract.Service:
    destination = order.spec.destination
    where = {"folder": "path", "sftp": "host", "s3": "bucket"}
    location = f"{destination.kind}://{getattr(destination, where[destination.kind])}" if destination else "deliveries/"
    return contract.Service(we.supplier, we.contact, location, order.spec.schedule)


def _seal(draft: Path) -> None:
    """Checksums of every file, as sha256sum reads them; and `_READY` with that of the manifest."""
    sums = "".join(f"{files.sha256(path)}  {path.name}\n" for path in sorted(draft.iterdir()))
    files.write_text(draft / "checksums.sha256", sums)
    files.write_text(draft / READY, files.sha256(draft / "manifest.json") + "\n")
