"""The registry over real HTTP: every fault of the server against the loader. A fault either passes or is refused by name,
and what was landed before stays as it was."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from ingest.http import retry_after
from ingest.lake import LandingRefused, Manifest, manifests
from ingest.sources.ytj.loader import land
from ingest.synthetic.server import RegistryServer

# As in the fact sheet, but for a test's patience.
FAST = {
    "requests_per_minute": 60_000.0,
    "attempts": 4,
    "retry_seconds": 60.0,
    "deadline_seconds": 60.0,
    "read_timeout_seconds": 20.0,
    "retry_after_cap_seconds": 5.0,
    "max_bytes": 20_000_000.0,
}
DAYS = [date(2026, 1, 2), date(2026, 1, 3), date(2026, 1, 4)]


@pytest.fixture
def registry(finland: Path) -> Iterator[RegistryServer]:
    with RegistryServer(finland, day=DAYS[0]) as server:
        yield server


def bulk(registry: RegistryServer, home: Path, **limits: float) -> Manifest:
    return land(registry.url, None, home, datasets=["companies"], limits={**FAST, **limits})[0]


def search(registry: RegistryServer, home: Path, **query: str) -> Manifest:
    # The server indexes a day at its first search; on a busy machine that takes seconds, which is no fault.
    patient = {**FAST, "read_timeout_seconds": 20.0, "deadline_seconds": 20.0}
    return land(registry.url, DAYS[0], home, datasets=["companies_search"], query=query, limits=patient)[0]


def rows(home: Path, dataset: str) -> list[tuple[object, ...]]:
    return duckdb.sql(
        f"select _op, _key, _record_hash from '{home}/raw/ytj/{dataset}/load=*/*.parquet' order by all"
    ).fetchall()


def litter(home: Path) -> list[Path]:
    return list(home.rglob("*.part")) + list(home.glob("archive/ytj/incoming/*"))


def test_two_days_and_the_code_lists(registry: RegistryServer, tmp_path: Path) -> None:
    first = land(registry.url, None, tmp_path, datasets=["companies"], limits=FAST)[0]
    registry.day = DAYS[1]
    second = bulk(registry, tmp_path)
    assert (first.as_of, second.as_of) == ("2026-01-02", "2026-01-03")
    assert first.counts.read == first.counts.landed and 0 < second.counts.landed < 0.05 * second.counts.read
    codes, posts = land(registry.url, DAYS[1], tmp_path, datasets=["code_lists", "post_codes"], limits=FAST)
    assert codes.counts.landed > 300 and posts.counts.landed > 6000
    assert not litter(tmp_path)


PASSING = [
    ("429", {"retry_after": "1"}),
    ("429", {"retry_after": "date+1"}),
    ("429", {"retry_after": "-5"}),
    ("429", {"retry_after": "soon"}),
    ("500", {}),
    ("503", {}),
    ("cut", {}),
    ("cut-no-length", {}),
    ("cut-chunked", {}),
    ("half", {}),
    ("gzip-cut", {}),
    ("short-length", {}),
    ("empty", {}),
    ("reset", {}),
]
REFUSED = [
    ("429", {"retry_after": "86400"}, "retry_later"),
    ("html", {}, "not_zip"),
    ("204", {}, "status_204"),
    ("206", {}, "status_206"),
    ("304", {}, "status_304"),
    ("redirect", {}, "redirect_policy"),
    ("redirect-loop", {}, "redirect_policy"),
    ("slow-loris", {}, "deadline"),
    ("endless", {}, "(max_bytes|deadline)"),
    ("status", {"status": 404}, "status_404"),
]


@pytest.mark.parametrize(("fault", "options"), PASSING)
def test_a_passing_fault_is_tried_again(fault: str, options: dict[str, str], registry: RegistryServer, tmp_path: Path) -> None:
    registry.faults.add("/all_companies", fault, times=1, **options)
    manifest = bulk(registry, tmp_path)
    assert manifest.counts.landed == manifest.counts.read == 2000
    assert len(registry.requests) == 2 and not litter(tmp_path)


@pytest.mark.parametrize(("fault", "options"), [case for case in PASSING if "date" not in str(case)])
def test_a_fault_that_stays_is_refused_and_the_last_load_stays(
    fault: str, options: dict[str, str], registry: RegistryServer, tmp_path: Path
) -> None:
    bulk(registry, tmp_path)
    before = rows(tmp_path, "companies")
    registry.day = DAYS[1]
    registry.faults.add("/all_companies", fault, times=None, **options)
    with pytest.raises(LandingRefused, match=r"^unreachable: ") as refusal:
        bulk(registry, tmp_path, retry_seconds=3.0)
    assert "\n" not in str(refusal.value)
    assert rows(tmp_path, "companies") == before and len(manifests(tmp_path)) == 1 and not litter(tmp_path)
    registry.faults.clear()
    assert bulk(registry, tmp_path).counts.landed > 0


@pytest.mark.parametrize(("fault", "options", "reason"), REFUSED)
def test_what_no_retry_can_mend_is_refused_at_once(
    fault: str, options: dict[str, object], reason: str, registry: RegistryServer, tmp_path: Path
) -> None:
    registry.faults.add("/all_companies", fault, times=None, **options)
    with pytest.raises(LandingRefused, match=f"^{reason}: "):
        bulk(registry, tmp_path, deadline_seconds=2.0 if fault in ("slow-loris", "endless") else 60.0)
    assert len(registry.requests) == 1, "a refusal is not asked twice"
    assert not manifests(tmp_path) and not litter(tmp_path)


def test_a_slow_body_within_the_deadline_lands(registry: RegistryServer, tmp_path: Path) -> None:
    registry.faults.add("/all_companies", "slow", bytes=100_000, seconds=0.1)
    assert bulk(registry, tmp_path, deadline_seconds=60.0).verdict == "accepted"


def test_the_search_reads_every_page_once_and_knows_ceased_companies(registry: RegistryServer, tmp_path: Path) -> None:
    manifest = search(registry, tmp_path, companyForm="OY")
    pages = [r.query["page"] for r in registry.requests]
    assert pages == [str(n + 1) for n in range(len(pages))] and len(pages) > 10
    assert manifest.counts.read == manifest.counts.landed > 100 * (len(pages) - 1)
    statuses = duckdb.sql(
        f"select distinct tradeRegisterStatus from '{tmp_path}/raw/ytj/companies_search/load=*/*.parquet'"
    ).fetchall()
    assert ("4",) in statuses or ("2",) in statuses
    assert manifest.mode == "partial" and manifest.counts.disappeared == 0


def test_a_search_without_an_answer_lands_nothing(registry: RegistryServer, tmp_path: Path) -> None:
    manifest = search(registry, tmp_path, name="no such name anywhere")
    assert (manifest.counts.read, manifest.verdict) == (0, "accepted")


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("429", {"retry_after": "0"}),
        ("503", {}),
        ("cut", {}),
        ("half", {}),
        ("html", {}),
        ("empty", {}),
        ("gzip-cut", {}),
        ("reset", {}),
    ],
)
def test_a_fault_while_paging_costs_one_more_request(
    fault: str, options: dict[str, str], registry: RegistryServer, tmp_path: Path
) -> None:
    registry.faults.add("/companies", fault, times=1, after=3, **options)
    manifest = search(registry, tmp_path, companyForm="AOY")
    assert manifest.counts.read == manifest.counts.landed
    assert len(registry.requests) == -(-manifest.counts.read // 100) + 1


@pytest.mark.parametrize("fault", ["same-page", "moving-total"])
def test_data_that_moves_while_paging_is_read_again(fault: str, registry: RegistryServer, tmp_path: Path) -> None:
    undisturbed = search(registry, tmp_path / "calm", companyForm="AOY")
    registry.faults.add("/companies", fault, times=1, after=2)
    manifest = search(registry, tmp_path / "moving", companyForm="AOY")
    assert manifest.counts.landed == undisturbed.counts.landed
    assert rows(tmp_path / "moving", "companies_search") == rows(tmp_path / "calm", "companies_search")


def test_a_search_that_never_holds_still_is_refused(registry: RegistryServer, tmp_path: Path) -> None:
    registry.faults.add("/companies", "same-page", times=None)
    with pytest.raises(LandingRefused, match="paging_unstable"):
        search(registry, tmp_path, companyForm="AOY")
    assert not manifests(tmp_path)


def test_an_interrupted_search_asks_only_for_the_pages_it_lacks(registry: RegistryServer, tmp_path: Path) -> None:
    registry.faults.add("/companies", "status", times=None, after=2, status=400)
    with pytest.raises(LandingRefused, match="status_400"):
        search(registry, tmp_path, companyForm="AOY")
    registry.faults.clear()
    registry.requests.clear()
    search(registry, tmp_path, companyForm="AOY")
    assert next(r.query["page"] for r in registry.requests) == "3"


def test_a_name_that_is_no_code_set_is_an_error(registry: RegistryServer, tmp_path: Path) -> None:
    registry.faults.add("/description", "empty", times=None)
    with pytest.raises(LandingRefused, match="unreachable"):
        land(registry.url, DAYS[0], tmp_path, datasets=["code_lists"], limits={**FAST, "retry_seconds": 1.0})


def test_politeness(finland: Path, tmp_path: Path) -> None:
    with RegistryServer(finland, day=DAYS[0]) as server:
        land(
            server.url,
            DAYS[0],
            tmp_path,
            datasets=["companies_search"],
            query={"companyForm": "KY"},
            limits={**FAST, "requests_per_minute": 600},
        )
        times = [r.at for r in server.requests]
        assert len(times) > 1 and all(later - earlier > 0.09 for earlier, later in pairwise(times))
        assert len({r.client_port for r in server.requests}) == 1, "one connection"
        assert all(r.headers["User-Agent"].startswith("kohde/") for r in server.requests)


def test_retry_after_in_every_form() -> None:
    noon = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
    told = ["3", "-5", "Fri, 02 Jan 2026 12:00:30 GMT", "Fri, 02 Jan 2026 11:00:00 GMT", "soon", "", None]
    assert [retry_after(header, noon) for header in told] == [3, 0, 30, 0, None, None, None]
