"""With `stable_window` in a bucket's rules, everybody gets the same download URL for a while."""

import datetime
import subprocess
import time

import pytest
import requests

from engines import free_ports
from presign import query
from service import BINARY, Api, die_with_parent, hs256

SECRET = "a secret of at least thirty-two bytes for tests"
# Six days, so that hardly any run sees the next window begin.
WINDOW = 518_400
ASKED = 900


@pytest.fixture
def serve(tmp_path):
    """Starts `valetkey serve` with one configuration, again and again at the same addresses."""
    port = free_ports(3)
    config = tmp_path / "valetkey.toml"
    config.write_text(f"""
        listen = "127.0.0.1:{port}"
        metrics_listen = "127.0.0.1:{port + 1}"
        catalog = "sqlite:{tmp_path}/catalog.sqlite"
        [auth]
        secret = "{SECRET}"
        issuer = "app"
        audience = "valetkey"
        [embedded]
        data_dir = "{tmp_path}/data"
        listen = "127.0.0.1:{port + 2}"
        [buckets.files.rules]
        request_ttl_seconds = {ASKED}
        stable_window = {WINDOW}
    """)
    running = []

    def start():
        for process in running:
            process.terminate()
            process.wait(10)
        with open(tmp_path / "log", "ab") as log:
            command = [BINARY, "serve", "--config", config]
            running[:] = [subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=die_with_parent)]
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 30
        while True:
            assert running[0].poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
            try:
                if requests.get(f"{url}/readyz", timeout=5).status_code == 200:
                    return Api(url, hs256(SECRET))
            except requests.ConnectionError:
                time.sleep(0.05)

    yield start
    for process in running:
        process.terminate()
        process.wait(10)


def window_of(instant):
    return instant - instant % WINDOW


def test_downloads_are_the_same_across_seconds_and_processes(serve):
    api = serve()
    upload = api.created()
    request = upload["request"]
    requests.put(request["url"], b"hello", headers=request["headers"], timeout=60).raise_for_status()
    assert api.complete(upload["id"]).status == 200

    def download():
        answer = api.call("POST", f"/v1/files/{upload['id']}/download", {})
        assert answer.status == 200, answer.text
        return answer.json

    def redirect(url):
        return requests.get(url, allow_redirects=False, timeout=60).headers["location"]

    before = int(time.time())
    first = download()
    content = redirect(first["content_url"])
    second = int(time.time())
    while int(time.time()) == second:
        time.sleep(0.05)
    assert download() == first
    assert redirect(first["content_url"]) == content
    api = serve()
    assert download() == first
    assert redirect(first["content_url"]) == content
    assert window_of(before) == window_of(int(time.time())), "the next window began: run it again"

    parameters = dict(query(first["url"]))
    signed_at = datetime.datetime.strptime(parameters["X-Amz-Date"] + "+0000", "%Y%m%dT%H%M%SZ%z")
    assert signed_at.timestamp() == window_of(before)
    assert int(parameters["X-Amz-Expires"]) == WINDOW + ASKED
    ends = datetime.datetime.fromisoformat(first["expires_at"])
    assert ends.timestamp() == window_of(before) + WINDOW + ASKED
    assert requests.get(first["url"], timeout=60).content == b"hello"
    assert requests.get(content, timeout=60).content == b"hello"
