"""A delivery described for machines: an ODCS v3.1 data contract and a Data Package v2 descriptor.

Both are generated from columns.csv and the manifest, so that they cannot say anything else than the file and its promises.
"""

import json
from dataclasses import dataclass
from typing import Any

import yaml

from delivery import columns
from delivery.columns import Column, Language
from delivery.manifest import FileEntry, Manifest

ODCS = "v3.1.0"
PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
CONTRACT, PACKAGE = "contract.yaml", "datapackage.json"
MEDIA = {
    "csv": "text/csv", "jsonl": "application/jsonl", "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip
LOCKED = ".age"
"""The end of an encrypted file's name."""
LOGICAL = {"text": "string", "list": "array", "date": "date", "number": "number", "boolean": "boolean"}


@dataclass(frozen=True)
class Service:
    """What the order promises about deliveries. location: a folder, or an sftp:// or s3:// address without credentials.

    frequency: the order's cron line, None for a single delivery. latency_days: from the registers to the file.
    """

    supplier: str
    contact: str
    location: str
    frequency: str | None = None
    latency_days: int = 1
    recall_days: int = 7


def contract(manifest: Manifest, service: Service) -> dict[str, Any]:
    """The ODCS contract of a delivery as a document."""
    price = manifest.prices[0] if manifest.prices else None
    return {
        "apiVersion": ODCS,
        "kind": "DataContract",
        "id": f"kohde-{manifest.delivery_id}",
        "name": f"Target group {manifest.order_id}",
        "version": manifest.versions.contract,
        "status": "active",
        "domain": "b2b-target-groups",
        "dataProduct": "kohderyhmapalvelu",
        "tenant": manifest.recipient.recipient_id,
        "contractCreatedTs": manifest.created_at.isoformat(),
        "description": {
            "purpose": f"{manifest.purpose} of {manifest.recipient.name}",
            "usage": manifest.address_source.en + " " + manifest.objections.how_to_object.en,
            "limitations": f"Until {manifest.valid_until.isoformat()}, then destroyed. Terms {manifest.licence.version}.",
        },
        "servers": [_server(manifest, service)],
        "schema": [_table(manifest)],
        "support": [{"channel": "supplier", "url": _url(service.contact), "tool": "email", "scope": "interactive"}],
        "price": {
            "priceAmount": float(price.unit_price_eur) if price else 0,
            "priceCurrency": "EUR",
            "priceUnit": price.what if price else "row",
        },
        "team": {"name": service.supplier, "members": [{"username": _url(service.contact), "role": "supplier"}]},
        "roles": [{"role": manifest.recipient.recipient_id, "access": "read", "description": "The recipient, nobody else"}],
        "slaProperties": [
            {"property": "latency", "value": service.latency_days, "unit": "d", "driver": "operational"},
            {"property": "frequency", "value": service.frequency or "once", "driver": "operational"},
            {"property": "retention", "value": _days(manifest), "unit": "d", "driver": "regulatory"},
            {"property": "timeToApplyRecall", "value": service.recall_days, "unit": "d", "driver": "regulatory"},
        ],
        "customProperties": [
            {"property": "deliveryId", "value": manifest.delivery_id},
            {"property": "suppressionVersion", "value": manifest.suppression_version},
            {"property": "criteriaSha256", "value": manifest.criteria.sha256},
            {"property": "legitimateInterestSha256", "value": manifest.legitimate_interest.sha256},
        ],
    }  # fmt: skip


def contract_text(manifest: Manifest, service: Service) -> str:
    """contract.yaml."""
    return yaml.safe_dump(contract(manifest, service), allow_unicode=True, sort_keys=False, width=120)


def _url(contact: str) -> str:
    return contact if ":" in contact else f"mailto:{contact}"


def _days(manifest: Manifest) -> int:
    return (manifest.valid_until - manifest.created_at.date()).days


def _server(manifest: Manifest, service: Service) -> dict[str, Any]:
    kind = service.location.partition("://")[0] if "://" in service.location else "local"
    data = _data(manifest)[0]
    if kind == "s3":
        return {"server": "delivery", "type": "s3", "location": service.location, "format": data.format}
    if kind == "sftp":
        return {"server": "delivery", "type": "sftp", "location": service.location, "format": data.format}
    return {"server": "delivery", "type": "local", "path": service.location, "format": data.format}


def _data(manifest: Manifest) -> list[FileEntry]:
    return [file for file in manifest.files if file.kind == "data"]


def _table(manifest: Manifest) -> dict[str, Any]:
    data = _data(manifest)
    rows = manifest.rows + manifest.decoys.count
    return {
        "name": "kohderyhma",
        "logicalType": "object",
        "physicalType": "file",
        "physicalName": ", ".join(file.name for file in data),
        "description": f"Rows of unit {manifest.unit}",
        "dataGranularityDescription": "a person at an organisation" if manifest.unit == "person" else "an organisation",
        "properties": [_property(manifest, entry.code, entry.header) for entry in manifest.columns],
        "quality": [
            {"type": "library", "metric": "rowCount", "mustBe": rows, "unit": "rows", "dimension": "completeness"},
            {"type": "text", "dimension": "conformity",
             "description": f"Every row was proven against the objections of state {manifest.suppression_version}"},
        ],
    }  # fmt: skip


def _property(manifest: Manifest, code: str, header: str) -> dict[str, Any]:
    column = columns.every()[code]
    coded = columns.values().get(code)
    made: dict[str, Any] = {
        "name": code,
        "physicalName": header,
        "businessName": column.headers["en"],
        "logicalType": LOGICAL[column.kind] if column.decimals or column.kind != "number" else "integer",
        "physicalType": str(columns.arrow_type(column)),
        "description": column.descriptions["en"],
        "required": code in REQUIRED,
        "unique": code == "row_id" and manifest.kind == "full",
        "classification": "personal" if column.is_personal else "public",
    }
    if code == "row_id":
        made |= {"primaryKey": True, "primaryKeyPosition": 1}
    if column.kind == "list":
        made["items"] = {"logicalType": "string", "physicalType": "string"}
    if code in REQUIRED:
        made["quality"] = [
            {"type": "library", "metric": "nullValues", "mustBe": 0, "unit": "rows", "dimension": "completeness"}
        ]
    if coded:
        made["logicalTypeOptions"] = {"pattern": f"^({'|'.join(coded)})$"}
    return made


REQUIRED = frozenset({"row_id", "business_id", "address_source", "valid_until"})
"""Never null in a row that may be used. In a delta a row that goes has its ids only."""


def data_package(manifest: Manifest, language: Language, value_language: Language) -> dict[str, Any]:
    """The Data Package of a delivery as a document. language: of the headers; value_language: of words and decimal marks."""
    return {
        "$schema": PROFILE,
        "name": f"kohde-{manifest.delivery_id}".lower(),
        "id": manifest.delivery_id,
        "title": f"Target group {manifest.order_id}",
        "version": manifest.versions.contract,
        "created": manifest.created_at.isoformat(),
        "licenses": [
            {"name": f"kohde-terms-{manifest.licence.version}", "title": manifest.licence.text.en.splitlines()[0].lstrip("# ")}
        ],
        "sources": [{"title": manifest.address_source.model_dump()[language]}],
        "resources": [_resource(manifest, file, number, value_language) for number, file in enumerate(manifest.files, start=1)],
    }


def data_package_text(manifest: Manifest, language: Language, value_language: Language) -> str:
    """datapackage.json."""
    return json.dumps(data_package(manifest, language, value_language), ensure_ascii=False, indent=2) + "\n"


def _resource(manifest: Manifest, file: FileEntry, number: int, language: Language) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": f"{file.kind}-{number}",
        "path": file.name,
        "format": file.format if file.kind == "data" else "csv",
        "mediatype": MEDIA[file.format],
        "bytes": file.bytes,
        "hash": f"sha256:{file.sha256}",
    }
    if file.name.endswith(LOCKED):
        # Nobody can see a table in it before the recipient has opened it with their key.
        return made | {"format": "age", "mediatype": "application/octet-stream"}
    if file.encoding:
        # The byte order mark is no encoding of its own; readers of the format take it off.
        made["encoding"] = {"utf-8-sig": "utf-8"}.get(file.encoding, file.encoding)
    if file.dialect:
        made["dialect"] = {key: value for key, value in file.dialect.items() if key != "decimalChar"}
    if file.format == "xlsx":
        made["dialect"] = {"sheetNumber": 1, "header": True}
    if file.kind == "data" and file.format in ("csv", "xlsx"):
        made["type"] = "table"
        made["schema"] = {
            "fields": [_field(columns.every()[entry.code], entry.header, file, language) for entry in manifest.columns],
            "missingValues": [""],
        }
    return made


def _field(column: Column, header: str, file: FileEntry, language: Language) -> dict[str, Any]:
    made: dict[str, Any] = {"name": header, "title": column.headers["en"], "description": column.descriptions[language]}
    if column.kind == "number":
        made["type"] = "number" if column.decimals else "integer"
        if file.dialect and column.decimals:
            made["decimalChar"] = file.dialect["decimalChar"]
    elif column.kind == "boolean":
        words = columns.values()["boolean"]
        made |= {"type": "boolean", "trueValues": [words["true"][language]], "falseValues": [words["false"][language]]}
    elif column.kind == "date":
        made |= {"type": "date", "format": "%Y-%m-%d"}
    else:
        made["type"] = "string"
    if column.code == "row_id":
        made["constraints"] = {"required": True}
    return made
