"""To an object store that speaks S3. An object appears whole or not at all; `_READY` is put last."""

import os
from datetime import timedelta
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from base.refused import Refused
from delivery.send.destinations import READY, ObjectStore, Reveal, files_of

PART_BYTES = 8 << 20


def send(destination: ObjectStore, delivery: Path, reveal: Reveal) -> str:
    """Put a delivery's files below the prefix; see delivery.send.send."""
    prefix = "/".join(part for part in (destination.prefix.strip("/"), delivery.name) if part)
    where = f"s3://{destination.bucket}/{prefix}"
    try:
        store = _store(destination)
        ready = f"{prefix}/{READY}"
        there = {entry["path"]: entry["size"] for batch in obstore.list(store, prefix) for entry in batch}
        if ready in there:
            if bytes(obstore.get(store, ready).bytes()) == (delivery / READY).read_bytes():
                return where
            raise Refused(f"{where} is there already and holds something else")
        *data, last = files_of(delivery)
        for path in data:
            with path.open("rb") as file:
                obstore.put(store, f"{prefix}/{path.name}", file, chunk_size=PART_BYTES)
        with reveal():
            obstore.put(store, ready, last.read_bytes())
    except (BaseError, OSError) as error:
        raise Refused(f"{where} cannot be written ({type(error).__name__}): another try begins anew") from None
    return where


def _store(destination: ObjectStore) -> S3Store:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        if not os.environ.get(name):
            raise Refused(f"{name} is not set: who may write to the bucket {destination.bucket}?")
    return S3Store(
        destination.bucket,
        region=destination.region,
        endpoint=destination.endpoint,
        client_options={"timeout": timedelta(seconds=60), "allow_http": bool((destination.endpoint or "").startswith("http:"))},
        retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=60)},
    )
