"""Dagster's page and daemon as two supervised children, for this machine only.

Not `dagster dev`: that one ignores Ctrl-C when started in the background and leaves its children behind. Dagster's
page has no password and starts runs for whoever reaches it, so it listens on 127.0.0.1 and nowhere else.
"""

import contextlib
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from orchestration import instance, settings
from orchestration.state import Refused

HOST = "127.0.0.1"
MODULE = ("-m", "orchestration.definitions")
START_S, END_S = 120, 10


def run(home: Path, port: int, ready: Callable[[str], None]) -> None:
    """Run page and daemon until Ctrl-C or SIGTERM; `ready` is called with the address when the page answers.

    Raises Refused when one of them ends by itself. Both write into lake/dagster/*.log.
    """
    import dagster as dg

    folder = instance.prepare(home)
    with dg.DagsterInstance.from_config(str(folder)) as dagster:
        instance.reconcile(dagster)
    commands = {
        "webserver": [settings.executable("dagster-webserver"), "--host", HOST, "--port", str(port), *MODULE],
        "daemon": [settings.executable("dagster-daemon"), "run", *MODULE],
    }
    url = f"http://{HOST}:{port}"
    with contextlib.ExitStack() as stack, _interruptible():
        children = {name: stack.enter_context(_child(name, command, folder)) for name, command in commands.items()}
        started, told = time.monotonic(), False
        while True:
            for name, child in children.items():
                if child.poll() is not None:
                    raise Refused(f"Dagster's {name} ended with code {child.returncode}; see {folder / name}.log")
            if not told and _answers(url):
                ready(url)
                told = True
            if not told and time.monotonic() - started > START_S:
                raise Refused(f"Dagster's page does not answer on {url}; see {folder}/webserver.log")
            time.sleep(0.5)


@contextlib.contextmanager
def _child(name: str, command: list[str], folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A child process that does not outlive us. Its own session, so that Ctrl-C reaches it through us, once."""
    with (folder / f"{name}.log").open("ab") as log:
        child = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=settings.ROOT, start_new_session=True
        )
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(END_S)
        except subprocess.TimeoutExpired:
            child.kill()
        # Dagster's code servers are children of the child; its session holds whatever of them is left.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C and SIGTERM (systemd) both end the supervisor quietly, children first."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
