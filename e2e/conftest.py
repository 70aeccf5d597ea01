"""Fixtures: one service shared by the tests that leave it as they found it, and fresh ones for the rest."""

import queue
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
import pytest

from service import Api, Service

WEBHOOK_HEADERS = ["webhook-id", "webhook-timestamp", "webhook-signature"]


def pytest_collection_modifyitems(items):
    """What searches all that was told and kept comes after those who made the servers tell."""
    items.sort(key=lambda item: item.path.name == "test_silence.py")


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A service for tests that do not mind what others have put there."""
    service = Service(tmp_path_factory.mktemp("shared") / "data").start()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def webhook(shared):
    """A webhook of the shared service that leads to a backend which takes everything: its secret, and what came."""
    arrived = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            arrived.put(([self.headers[name] for name in WEBHOOK_HEADERS], body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    admin = Api(shared.info["api"], shared.token_for("root", "--role", "admin"))
    made = admin.call("POST", "/v1/webhooks", {"url": f"http://127.0.0.1:{server.server_port}/"})
    assert made.status == 201, made.text
    yield made.json["secret"], arrived
    admin.call("DELETE", f"/v1/webhooks/{made.json['id']}")
    server.shutdown()


@pytest.fixture
def start(tmp_path):
    """Starts services of this test alone: `start()` or `start(wrapper=(…))`."""
    started = []

    def start_one(**options):
        started.append(Service(tmp_path / f"data-{len(started)}", **options).start())
        return started[-1]

    yield start_one
    for service in started:
        if service.process.poll() is None:
            service.stop()


@pytest.fixture
def s3(shared):
    """boto3 at its default settings, on the shared service's embedded store."""
    return s3_client(shared)


def s3_client(service):
    store = service.info["store"]
    return boto3.client(
        "s3",
        endpoint_url=store["endpoint"],
        region_name=store["region"],
        aws_access_key_id=store["access_key"],
        aws_secret_access_key=store["secret_key"],
    )
