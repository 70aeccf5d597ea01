"""The embedded store under other people's clients: each puts, gets, lists, uploads in parts, presigns, copies
and deletes."""

import json
import socket
import subprocess

import pytest
import requests

from service import BINARY, die_with_parent, make_file, sha256
from tools import LARGE, TOOLS

BUCKET = "files"


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """`valetkey store`, where each bucket also has a host of its own: files.localhost."""
    folder = tmp_path_factory.mktemp("store")
    key_file = folder / "key.json"
    command = [
        BINARY, "store", "--data-dir", folder / "data", "--listen", "127.0.0.1:0",
        "--access-key-file", key_file, "--bucket", BUCKET, "--domain", "localhost",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
    url = next(line.split()[-1] for line in process.stdout if "serves" in line)
    key = json.loads(key_file.read_text())
    yield {"endpoint": url, "region": "us-east-1", "bucket": BUCKET, **key}
    process.terminate()
    assert process.wait(10) == 0
    process.stdout.close()


@pytest.fixture(params=TOOLS)
def tool(request, store, tmp_path, monkeypatch):
    if request.param == "boto3-virtual":
        # Not every machine resolves names below localhost.
        port = store["endpoint"].rsplit(":", 1)[1]
        store = {**store, "endpoint": f"http://localhost:{port}"}
        real = socket.getaddrinfo
        local = lambda host, *more, **options: real(  # noqa: E731
            "127.0.0.1" if str(host).endswith("localhost") else host, *more, **options
        )
        monkeypatch.setattr(socket, "getaddrinfo", local)
    made = TOOLS[request.param](store, tmp_path)
    if request.param == "boto3-virtual":
        assert f"//{BUCKET}.localhost:" in made.presign("x")
    made.prefix = f"{request.param}/{request.node.originalname}/"
    return made


@pytest.fixture
def note(tmp_path):
    return make_file(tmp_path / "note.txt", 1000)


def parts_of(store, key):
    """How many parts the object was made of: S3 says so behind the ETag."""
    probe = TOOLS["boto3-path"](store, None)
    etag = probe.client.head_object(Bucket=BUCKET, Key=key)["ETag"].strip('"')
    return int(etag.partition("-")[2] or 1)


def test_it_puts_and_gets(tool, note, tmp_path):
    key = tool.prefix + "with space & ünïcode.txt"
    tool.put(note, key)
    tool.get(key, tmp_path / "back")
    assert sha256(tmp_path / "back") == sha256(note)


def test_it_lists(tool, note):
    for name in ("b", "a", "deeper/c"):
        tool.put(note, tool.prefix + name)
    assert sorted(tool.list(tool.prefix)) == [tool.prefix + name for name in ("a", "b", "deeper/c")]


def test_it_moves_large_files_in_parts(tool, store, tmp_path):
    original = make_file(tmp_path / "large.bin", LARGE)
    key = tool.prefix + "large.bin"
    tool.put(original, key)
    assert parts_of(store, key) > 1
    tool.get(key, tmp_path / "back")
    assert sha256(tmp_path / "back") == sha256(original)


def test_it_presigns(tool, note):
    if tool.presign is None:
        pytest.skip("it signs URLs with version 2 only, which the store refuses")
    key = tool.prefix + "note.txt"
    tool.put(note, key)
    answer = requests.get(tool.presign(key), timeout=10)
    assert (answer.status_code, answer.content) == (200, note.read_bytes())


def test_it_copies(tool, note, tmp_path):
    tool.put(note, tool.prefix + "from")
    tool.copy(tool.prefix + "from", tool.prefix + "to")
    tool.get(tool.prefix + "to", tmp_path / "back")
    assert sha256(tmp_path / "back") == sha256(note)


def test_it_deletes(tool, note):
    tool.put(note, tool.prefix + "gone")
    tool.put(note, tool.prefix + "kept")
    tool.delete(tool.prefix + "gone")
    assert tool.list(tool.prefix) == [tool.prefix + "kept"]
