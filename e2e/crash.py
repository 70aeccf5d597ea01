"""One round of pulling the plug: a put, a kill -9 at a random moment, a restart, the same put again."""

import os
import random
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from service import BINARY, Service, sha256


@dataclass
class Outcome:
    """What a round found; without problems it kept every promise."""

    stored: int  # Bytes the store had on its disk when the plug was pulled.
    acknowledged: bool  # Whether the put had already ended well.
    problems: list[str] = field(default_factory=list)


def kill_during_put(service: Service, original: Path, chance: random.Random) -> Outcome:
    """Kills the service at a moment chosen by `chance`, restarts it and checks what it promised."""
    known = {file["id"] for file in service.api.files()}
    stop_at = chance.uniform(0, 1.05) * original.stat().st_size
    client, stored = put_until(service, original, stop_at)
    service.kill()
    acknowledged = client.poll() == 0
    client.kill()
    client.wait()
    outcome = Outcome(stored, acknowledged)

    service.start()
    listed = [file for file in service.api.files() if file["id"] not in known]
    if acknowledged and len(listed) != 1:
        outcome.problems.append("an acknowledged file is not listed")
    for file in listed:
        outcome.problems += check(service, file["id"], original)
    for file in service.put(original):
        outcome.problems += check(service, file["id"], original)
    return outcome


def put_until(service: Service, original: Path, stop_at: float) -> tuple[subprocess.Popen, int]:
    """Starts a put and returns when the store's folder has grown by `stop_at` bytes, or the put ended."""
    at_first = folder_size(service.data_dir)
    client = subprocess.Popen(
        [BINARY, "put", original], env=service.environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while True:
        stored = folder_size(service.data_dir) - at_first
        if stored >= stop_at or client.poll() is not None:
            return client, stored
        assert time.monotonic() < deadline, f"after 60 s only {stored} bytes have arrived"


def check(service: Service, file_id: str, original: Path) -> list[str]:
    """Fetches a listed file; whatever is listed must be whole."""
    back = original.with_suffix(".back")
    result = service.cli("get", file_id, back, check=False)
    if result.returncode != 0:
        return [f"listed, but get failed: {result.stderr}"]
    same = sha256(back) == sha256(original)
    back.unlink()
    return [] if same else ["listed with other bytes"]


def folder_size(folder: Path) -> int:
    """The bytes of all files in a folder; what vanishes meanwhile counts nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(parent, name)).st_size
            except FileNotFoundError:
                pass
    return total
