"""Signing in at a certified OpenID provider (oidc-provider), as a browser does; and all that must not let anybody in."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx2
import pytest
from filelock import FileLock
from playwright.sync_api import expect

from delivery.service.settings import Oidc, Settings
from ledger import access
from tests import chromium
from tests.servers import absent
from tests.service import Service, cookie, copied, free_port, inhabited, session_of

HERE = Path(__file__).with_name("oidc")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kohde-tests"
KNOWN, STRANGER, UNVERIFIED = "maija@acme.example", "kuka@acme.example", "unverified@acme.example"


def installed() -> Path:
    """A folder with oidc-provider, outside of the repository; installed once for each version."""
    if not (shutil.which("node") and shutil.which("npm")):
        absent("Node.js", "nodejs npm")
    wanted = (HERE / "package.json").read_text()
    folder = CACHE / f"oidc-{re.findall(r'oidc-provider.: .([0-9.]+)', wanted)[0]}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "installed").exists():
            (folder / "package.json").write_text(wanted)
            flags = ["--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(["npm", "install", *flags, "--prefix", folder], check=True, capture_output=True, cwd=folder)
            (folder / "installed").touch()
    return folder


@dataclass
class Place:
    """A service and the provider that it trusts."""

    service: Service
    provider: subprocess.Popen[str]
    issuer: str


@pytest.fixture(scope="module")
def place(published_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder, port, back = installed(), free_port(), free_port()
    script = folder / f"provider-{os.getpid()}.mjs"
    shutil.copy2(HERE / "provider.mjs", script)
    issuer, secret = f"http://127.0.0.1:{port}", "a" * 40
    told = {"PORT": str(port), "CLIENT_SECRET": secret, "REDIRECT": f"http://127.0.0.1:{back}/sign-in/return"}
    provider = subprocess.Popen(
        ["node", script], env=os.environ | told, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder
    )
    home = copied(published_lake, tmp_path_factory.mktemp("oidc") / "lake")
    try:
        assert provider.stdout and provider.stdout.readline() == "ready\n"
        with inhabited(home, Settings(oidc=Oidc(issuer, "kohde", secret), failures_per_minute=1000), port=back) as running:
            for address in (KNOWN, UNVERIFIED):
                access.add_account(home, "user", "Maija", issuer, address, recipient_id="acme", by_whom="a test")
            yield Place(running, provider, issuer)
    finally:
        provider.kill()
        provider.wait()
        script.unlink()


def browser() -> httpx2.Client:
    return httpx2.Client(timeout=60, headers={"Sec-Fetch-Site": "same-origin"})


def at_provider(client: httpx2.Client, place: Place, address: str, after: str = "/orders") -> str:
    """Go to the provider, say who one is, agree; returns the address that the provider sends the browser back to."""
    url = f"{place.service.url}/sign-in/provider?{urlencode({'next': after})}"
    answer = client.get(url)
    for _ in range(12):
        if answer.is_redirect:
            url = urljoin(str(answer.url), answer.headers["location"])
            if url.startswith(f"{place.service.url}/sign-in/return"):
                return url
            answer = client.get(url)
            continue
        assert answer.status_code == 200, answer.text
        prompt = re.findall(r'name="prompt" value="(\w+)"', answer.text)[0]
        action = re.findall(r'action="([^"]+)"', answer.text)[0]
        answer = client.post(urljoin(str(answer.url), action), data={"prompt": prompt, "login": address, "password": "x"})
    raise AssertionError("the provider never sent us back")


def groups(client: httpx2.Client, place: Place) -> int:
    return client.get(f"{place.service.url}/api/v1/groups").status_code


def test_who_was_let_in_comes_in(place: Place) -> None:
    with browser() as client:
        back = at_provider(client, place, KNOWN)
        answer = client.get(back)
        assert answer.status_code == 303 and answer.headers["location"] == "/orders"
        kept = answer.headers["set-cookie"]
        assert "httponly" in kept and "samesite=lax" in kept
        assert groups(client, place) == 200
        assert client.get(f"{place.service.url}/api/v1/keys").status_code == 403, "a user is no admin"
        out = client.post(f"{place.service.url}/sign-out")
        assert out.status_code == 303 and groups(client, place) == 401
    trail = (place.service.home / "ledger.db").read_bytes()
    assert KNOWN.encode() not in trail, "the ledger does not say who it is"


@pytest.mark.parametrize("address", [STRANGER, UNVERIFIED])
def test_whom_nobody_let_in_stays_out(place: Place, address: str) -> None:
    """A stranger with a verified address; and somebody whose address the provider has not verified, though it is known."""
    with browser() as client:
        answer = client.get(at_provider(client, place, address))
        assert answer.status_code == 403 and "ask your administrator" in answer.text and address not in answer.text
        assert groups(client, place) == 401


def test_an_answer_that_is_not_to_our_question_lets_nobody_in(place: Place) -> None:
    """Another state, none, another code, an error, somebody else's answer (login CSRF), and the same answer twice."""
    with browser() as client, browser() as victim:
        back = at_provider(client, place, KNOWN)
        parts = urlsplit(back)
        told = {name: values[0] for name, values in parse_qs(parts.query).items()}
        away = f"{place.service.url}/sign-in/return?"
        for wrong in (
            told | {"state": "x" * 30}, {"code": told["code"]}, {"state": told["state"]}, {"error": "access_denied"}, {},
            {"error": "access_denied", "state": told["state"]},
        ):  # fmt: skip
            answer = victim.get(away + urlencode(wrong))
            assert answer.status_code == 401 and groups(victim, place) == 401, wrong
        assert victim.get(back).status_code == 401, "an answer belongs to the browser that asked"
        saved = client.cookies["kohde_session"]
        assert client.get(back).status_code == 303
        with browser() as again:
            # The cookie of before and the code of before: the provider knows that it was used.
            used = again.get(back, headers={"Cookie": f"kohde_session={saved}"})
            assert used.status_code == 401 and groups(again, place) == 401


@chromium.needed
def test_the_button_of_the_page_leads_to_the_provider_and_back(place: Place) -> None:
    """As a person does it, in a browser: to the page that was asked for."""
    with chromium.started() as started:
        page = started.new_page()
        # The provider's own page would ask for letters from elsewhere.
        page.route(lambda url: not url.startswith("http://127.0.0.1"), lambda route: route.abort())
        page.goto(f"{place.service.url}/pick?region=01")
        page.get_by_role("link", name="Kirjaudu organisaatiosi tunnuksella").click()
        page.locator("[name=login]").fill(KNOWN)
        page.locator("[name=password]").fill("x")
        page.locator("button[type=submit]").click()
        page.locator("button[type=submit]").click()
        page.wait_for_url(f"{place.service.url}/pick?region=01")
        expect(page.locator("#chips")).to_contain_text("Uusimaa")
        page.get_by_role("button", name="Kirjaudu ulos").click()
        expect(page.get_by_role("heading", name="Kirjaudu sisään")).to_be_visible()


def test_another_nonce_or_verifier_lets_nobody_in(place: Place) -> None:
    """The answer to one question with the state of another: what the provider signed is not what we asked."""
    for part in ("nonce", "code_verifier"):
        with browser() as client:
            back = at_provider(client, place, KNOWN)
            session = session_of(client.cookies["kohde_session"])
            (name,) = [key for key in session if key.startswith("_state_")]
            session[name]["data"][part] = "another one, forty-three letters long at least"
            client.cookies.clear()
            answer = client.get(back, headers={"Cookie": f"kohde_session={cookie(session)}"})
            assert answer.status_code == 401, part


def test_a_provider_that_is_down_is_one_clear_line(place: Place) -> None:
    """Last of all: nobody can come in, everybody who is in stays, and nothing breaks."""
    with browser() as client:
        back = at_provider(client, place, KNOWN)
        place.provider.kill()
        place.provider.wait()
        began = time.monotonic()
        answer = client.get(back)
        assert answer.status_code == 503 and "cannot be reached" in answer.text and time.monotonic() - began < 15
        assert "Traceback" not in answer.text
    with place.service.signed_in("user") as signed_in:
        assert signed_in.get("/groups").status_code == 200
