"""The README's own commands, run as they are written, from a folder like a fresh clone."""

import json
import os
import signal
import socket
import subprocess
import time

import pytest
import requests

from readme import commands
from service import ROOT, die_with_parent
from test_round_trip import pasted_curl

API = "http://127.0.0.1:8080"
DATA = ROOT / "valetkey-data"


@pytest.fixture
def fresh_clone(tmp_path):
    """The tree without data of its own; what a developer has there is put aside and brought back."""
    for port in (8080, 8081, 9000):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, f"the README needs port {port} to be free"
    aside = ROOT / "target" / "valetkey-data.aside"
    if DATA.exists():
        DATA.rename(aside)
    yield ROOT
    if DATA.exists():
        DATA.rename(tmp_path / "valetkey-data")
    if aside.exists():
        aside.rename(DATA)


@pytest.fixture
def started(fresh_clone):
    """Command one, run as written; yields what it printed."""
    process = subprocess.Popen(
        ["bash", "-c", "exec " + commands("start").strip()], cwd=fresh_clone,
        stdout=subprocess.PIPE, preexec_fn=die_with_parent, start_new_session=True,
    )
    deadline = time.monotonic() + 900  # It may have to compile.
    while not ready():
        assert process.poll() is None, "command one ended early"
        assert time.monotonic() < deadline, "command one does not serve after 15 min"
        time.sleep(0.2)
    os.set_blocking(process.stdout.fileno(), False)
    yield process.stdout.read().decode()
    os.killpg(process.pid, signal.SIGINT)
    process.wait(10)


def ready() -> bool:
    try:
        return requests.get(API + "/readyz", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def run(script: str, cwd) -> str:
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=cwd, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, f"{script}\n{result.stdout}{result.stderr}"
    return result.stdout


def test_the_commands_work_as_they_are_written(started, tmp_path):
    assert API in started
    run(pasted_curl(started), tmp_path)
    token = json.loads((DATA / "dev.json").read_text())["token"]
    listing = requests.get(API + "/v1/files", headers={"authorization": f"Bearer {token}"}, timeout=10)
    assert len(listing.json()["files"]) == 1
    run(commands("tour"), ROOT)
