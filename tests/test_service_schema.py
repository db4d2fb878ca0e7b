"""The API is what its OpenAPI document says: Schemathesis asks whatever that allows and more, with a key of each role.

KOHDE_EXAMPLES: how many requests for each operation and role; 3 in `make test`, hundreds before a release.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from ledger import access
from tests.service import Service, copied, people, serve

EXAMPLES = int(os.environ.get("KOHDE_EXAMPLES", "3"))
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, unsupported_method,
]  # fmt: skip


@pytest.fixture(scope="module")
def asked(published_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that may be asked anything."""
    home = copied(published_lake, tmp_path_factory.mktemp("schema") / "lake", "warehouse.duckdb", "build_state.json")
    keys = people(home)
    with serve(home) as running:
        running.keys = keys
        yield running


def test_the_description_is_valid(asked: Service) -> None:
    told = httpx2.get(f"{asked.url}/api/v1/openapi.json").json()
    assert told["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(told).validate()
    for path, methods in told["paths"].items():
        for method, one in methods.items():
            assert {status for status in one["responses"] if status < "400"}, (method, path)
            for status, answer in one["responses"].items():
                assert status < "400" or list(answer["content"]) == ["application/problem+json"]
                # Only what another part of the house tells is left open.
                assert status >= "400" or status == "204" or answer["content"], (method, path)


@pytest.mark.parametrize("role", access.ROLES)
def test_answers_are_as_described(asked: Service, role: str) -> None:
    told = httpx2.get(f"{asked.url}/api/v1/openapi.json").json()
    headers = {"Authorization": f"Bearer {asked.keys[role]}"}
    seen: Counter[int] = Counter()
    for found in schemathesis.openapi.from_dict(told).get_all_operations():
        operation: Any = found.ok()

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, derandomize=EXAMPLES < 50,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        def ask(case: Case) -> None:
            answer = case.call(base_url=asked.url, headers=headers)
            seen[answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)

        ask()
    print(f"{role}: {sum(seen.values())} requests, {dict(sorted(seen.items()))}")
    assert not [status for status in seen if status >= 500]
