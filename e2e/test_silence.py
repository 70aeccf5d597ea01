"""Runs after all others: nothing that their servers told anybody, or kept, is a secret."""

import shutil
import socket
import sqlite3
import subprocess
import time

import pytest
import requests

import kept
from service import BINARY, Api, die_with_parent, hs256, send

SECRET = "a secret of the tests, long enough to sign with"
CONFIG = """
listen = "127.0.0.1:{api}"
metrics_listen = ""
catalog = "sqlite:{folder}/catalog.sqlite"
[auth]
secret = "{secret}"
issuer = "app"
audience = "valetkey"
[embedded]
data_dir = "{folder}"
listen = "127.0.0.1:0"
[telemetry]
otlp_endpoint = "{collector}"
[buckets.files]
provider = "embedded"
"""


def use(api):
    """Has a service do what it hands permissions out for."""
    upload = api.created(metadata={"note": "kept"})
    assert send(upload["request"], b"hello").status_code == 200
    file = api.complete(upload["id"]).json
    download = api.call("POST", f"/v1/files/{file['id']}/download", {}).json
    assert requests.get(download["content_url"], timeout=10).text == "hello"
    assert api.call("GET", f"/v1/files/{file['id']}/content").status == 307


@pytest.fixture
def used(shared):
    """The shared service when there was something to tell, also when no other test ran."""
    use(shared.api)
    shared.keep_metrics()
    return shared


@pytest.fixture
def traces(tmp_path):
    """The traces of a service that was used."""
    collector, folder = kept.Collector(), tmp_path / "traced"
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = tmp_path / "traced.toml"
    config.write_text(CONFIG.format(api=port, folder=folder, collector=collector.url, secret=SECRET))
    api = Api(f"http://127.0.0.1:{port}", hs256(SECRET))
    with open(tmp_path / "traced.log", "wb") as log:
        process = subprocess.Popen(
            [BINARY, "serve", "--config", config], stderr=log, preexec_fn=die_with_parent
        )
        for _ in range(600):
            assert process.poll() is None, (tmp_path / "traced.log").read_text()
            try:
                if requests.get(api.url + "/readyz", timeout=5).status_code == 200:
                    break
            except requests.ConnectionError:
                time.sleep(0.05)
        use(api)
        process.terminate()
        assert process.wait(10) == 0
    config.unlink()
    kept.servers.append(folder)
    return collector.traces


def test_a28_nothing_that_was_told_or_kept_has_a_secret_in_it(used, traces):
    names = kept.told(used.data_dir)
    for name in ("catalog.sqlite", "dump of the catalog", f"{used.data_dir.name}.log", f"{used.data_dir.name}.metrics"):
        assert names[name], f"{name} was not searched"
    assert b"kept" in names["dump of the catalog"] and b"DEBUG" in names[f"{used.data_dir.name}.log"]
    assert len(kept.known) > 5, "answers were read for what they carry"
    assert b"create_upload" in b"".join(traces) or b"/v1/uploads" in b"".join(traces), "traces were collected"
    size, found = kept.search(kept.servers)
    found += [f"traces: {what}" for what in kept.found_in(b"".join(traces))]
    print(f"{len(kept.servers)} servers, {size:,} bytes and {len(traces)} batches of traces searched, "
          f"also for {len(kept.known)} secrets that were given out")
    assert not found, "\n".join(found)


PLANTED = {
    "X-Amz-Signature": b"GET /files/a?X-Amz-Signature=00",
    "X-Goog-Signature": b"x-goog-signature: 00",
    "X-Amz-Security-Token": b"&X-Amz-Security-Token=FwoG",
    "sig": b"https://account.blob/a?sv=1&sig=AAAA",
    "a token": b"bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0xxxx.c2ln",
    "whsec_": b"secret=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "an API key": b"vk_0123456789ab_" + b"0f" * 32,
}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_a28_a_secret_in_a_log_is_found(used, tmp_path, planted):
    log = tmp_path / "copy.log"
    shutil.copy(used.data_dir.with_suffix(".log"), log)
    with open(log, "ab") as file:
        file.write(b"2026 INFO " + planted + b"\n")
    _, [found] = kept.search([tmp_path / "copy"])
    assert found.startswith("copy: copy.log: ")


def test_a28_a_secret_that_was_given_out_is_found_in_a_catalog(used, tmp_path):
    secret = used.api.token.rsplit(".", 1)[1]
    (tmp_path / "copy").mkdir()
    with sqlite3.connect(tmp_path / "copy/catalog.sqlite") as database:
        database.execute("CREATE TABLE upload (note TEXT)")
        database.execute("INSERT INTO upload VALUES (?)", [f"sent with {secret}"])
    size, found = kept.search([tmp_path / "copy"])
    assert size and {line.split(": ")[1] for line in found} == {"catalog.sqlite", "dump of the catalog"}
