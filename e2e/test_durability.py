"""What was acknowledged is on the disk, and what was not is nowhere."""

import random
import re
import shutil

import pytest

from crash import kill_during_put, put_until
from service import MIB, make_file, sha256

SYSTEM_CALLS = "trace=fsync,fdatasync,connect,write,writev,sendto,sendmsg,sendmmsg"


@pytest.fixture
def traced(start, tmp_path):
    """A service under strace, and its trace file."""
    assert shutil.which("strace"), "strace is missing: apt-get install strace"
    trace = tmp_path / "trace"
    # -D keeps the service our own child; -yy names the files and the two ends of each connection.
    wrapper = ("strace", "-D", "-f", "-yy", "-s", "24", "-e", SYSTEM_CALLS, "-o", str(trace))
    return start(wrapper=wrapper), trace


def test_a_small_create_is_synced_before_the_reply_and_never_asks_the_store(traced):
    service, trace = traced
    service.api.created()  # The first request may still open connections.
    before = len(trace.read_text().splitlines())
    service.api.created()
    assert service.stop() == 0

    lines = trace.read_text().splitlines()[before:]
    reply = next(n for n, line in enumerate(lines) if "HTTP/1.1 201" in line)
    synced = [line for line in lines[:reply] if re.search(r"(fsync|fdatasync)\(.*= 0|<\.\.\. f(data)?sync", line)]
    assert len(synced) == 1, "\n".join(lines[: reply + 1])

    port = service.info["store"]["endpoint"].rsplit(":", 1)[1]
    assert not [line for line in lines[: reply + 1] if re.search(rf"127\.0\.0\.1:{port}\b", line)]
    assert not [line for line in lines[: reply + 1] if "connect(" in line]


@pytest.mark.parametrize("seed", range(5))
def test_a_server_killed_during_a_put_lists_nothing_partial_and_takes_the_same_put_again(
    start, tmp_path, seed
):
    service = start()
    original = make_file(tmp_path / "large.bin", 64 * MIB)
    kept = service.put(make_file(tmp_path / "kept.txt", 1000))
    outcome = kill_during_put(service, original, random.Random(seed))
    assert outcome.problems == [], outcome
    assert sorted(file["filename"] for file in service.api.files())[0] == "kept.txt"
    service.cli("get", kept[0]["id"], tmp_path / "kept-back")
    assert sha256(tmp_path / "kept-back") == sha256(tmp_path / "kept.txt")


def test_a_put_whose_client_is_killed_can_be_run_again(start, tmp_path):
    service = start()
    original = make_file(tmp_path / "large.bin", 64 * MIB)
    client, _ = put_until(service, original, 16 * MIB)
    assert client.poll() is None, "the put was over before it could be killed"
    client.kill()
    client.wait()
    assert service.api.files() == []
    (file,) = service.put(original)
    service.cli("get", file["id"], tmp_path / "back")
    assert sha256(tmp_path / "back") == sha256(original)
