"""Find a source's loader by name and run it; the rest of landing is the source's own affair."""

import difflib
import importlib
import inspect
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ingest import inbox, lake
from ingest.source import Source
from orchestration import settings
from orchestration.state import Refused

# Of the sources' limits the pace alone is lifted on our own machine: it protects a service that others share.
OWN_MACHINE = {"requests_per_minute": 60_000.0}


def land(
    source: str,
    origin: str | None,
    as_of: date | None,
    home: Path,
    progress: lake.Progress = lake.quiet,
    **options: Any,
) -> list[lake.Manifest]:
    """Land a source. `origin`: file, folder or URL, else KOHDE_<SOURCE>_URL, else the source's own address.

    options: what the source's loader takes beyond that, such as accept_bounds, datasets or query; see `options()`.
    Raises Refused for an unknown source and for a real register in a lake of the demo; lake.LandingRefused as loaders
    do.
    """
    known = Source.names()
    if source not in known:
        near = difflib.get_close_matches(source, known, n=1, cutoff=0.4)
        raise Refused(f"no source {source!r}; {f'did you mean {near[0]}?' if near else 'there is ' + ', '.join(known)}")
    origin = origin or settings.origin(source)
    if origin is None and settings.is_demo(home):
        raise Refused(f"{home} is a lake of the demo: real and made-up companies are never mixed, set another KOHDE_HOME")
    if origin and Source.load(source).http and urlsplit(origin).hostname in ("127.0.0.1", "::1", "localhost"):
        options["limits"] = OWN_MACHINE
    loader = importlib.import_module(f"ingest.sources.{source}.loader")
    taken = inspect.signature(loader.land).parameters
    unknown = [] if any(p.kind is p.VAR_KEYWORD for p in taken.values()) else set(options) - set(taken)
    if unknown:
        raise Refused(f"{source} takes no {', '.join(sorted(unknown))}")
    receipts: list[lake.Manifest] = loader.land(origin, as_of, home, progress, **options)
    return receipts


def take_inbox(source: str, as_of: date | None, home: Path, **options: Any) -> list[inbox.Receipt] | None:
    """Take the files that wait in the inbox of a source, and give the answers. None for a source whose data do not come so.

    Who asks for it says that the files are complete: none is waited for. as_of, options: as of `land`.
    """
    if source not in Source.names() or Source.load(source).layout is None or settings.origin(source):
        return None
    return inbox.run(home, 0, lambda name, path: land(name, str(path), as_of, home, **options), only=source)


def options(accept_bounds: str | None, datasets: list[str], search: list[str]) -> dict[str, Any]:
    """What was asked for on the command line as a loader's options.

    accept_bounds: why a load outside its bounds is right all the same; kept in its receipt. search: FIELD=VALUE pairs of
    the register's search; they mean the source's search dataset unless datasets are named. Raises Refused for a pair
    without "=".
    """
    wanted: dict[str, Any] = {"accept_bounds": accept_bounds} if accept_bounds else {}
    if any("=" not in pair for pair in search):
        raise Refused("--search takes FIELD=VALUE, such as companyForm=OY")
    if search:
        wanted["query"] = dict(pair.split("=", 1) for pair in search)
    if datasets or search:
        wanted["datasets"] = datasets or ["companies_search"]
    return wanted
