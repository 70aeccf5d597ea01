"""The examples that verify webhooks, as applications run them, with what a running service sent."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import time

import pytest

from service import ROOT

EXAMPLES = ROOT / "examples/webhooks"
PROGRAMS = {
    "python": [sys.executable, EXAMPLES / "verify.py"],
    "node": ["node", EXAMPLES / "verify.mjs"],
}


@pytest.fixture(scope="module")
def delivery(shared, webhook, tmp_path_factory):
    """A secret, and what was sent when a file came."""
    secret, arrived = webhook
    path = tmp_path_factory.mktemp("webhooks") / "a.txt"
    path.write_bytes(b"hello")
    [file] = shared.put(path)
    headers, body = arrived.get(timeout=30)
    assert json.loads(body)["data"]["id"] == file["id"]
    return secret, headers, body


@pytest.fixture(params=PROGRAMS)
def program(request):
    return PROGRAMS[request.param]


def signed(secret, name, at, body):
    """What the service would have sent then."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{name}.{at:.0f}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
    return [name, f"{at:.0f}", f"v1,{signature}"]


def run(program, secret, headers, body):
    return subprocess.run([*program, secret, *headers], input=body, capture_output=True, timeout=60)


def test_an_example_verifies_a_webhook(program, delivery):
    secret, headers, body = delivery
    result = run(program, secret, headers, body)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["type"] == "upload.completed"
    old = [headers[0], headers[1], "v1,bm90aGluZw== " + headers[2]]
    assert run(program, secret, old, body).returncode == 0
    assert run(program, secret, signed(secret, "evt_1", time.time() - 240, body), body).returncode == 0


def test_a26_an_example_refuses_what_was_not_sent_so(program, delivery):
    secret, [name, sent, signature], body = delivery
    other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    for what, secret_, headers, body_ in [
        ("another secret", other, [name, sent, signature], body),
        ("another id", secret, ["evt_other", sent, signature], body),
        ("another time", secret, [name, str(int(sent) + 1), signature], body),
        ("long ago", secret, [name, "1700000000", signature], body),
        ("six minutes ago", secret, signed(secret, name, time.time() - 360, body), body),
        ("another body", secret, [name, sent, signature], body + b" "),
        ("no signature", secret, [name, sent, ""], body),
    ]:
        assert run(program, secret_, headers, body_).returncode != 0, what
