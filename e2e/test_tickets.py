"""The examples that make upload tickets, as applications run them, beside a running service."""

import subprocess
import sys

import pytest

from service import ROOT, Api, send

EXAMPLES = ROOT / "examples/tickets"
PROGRAMS = {
    "python": [sys.executable, EXAMPLES / "mint.py"],
    "node": ["node", EXAMPLES / "mint.mjs"],
}


@pytest.fixture(params=PROGRAMS)
def holder(request, shared):
    """Somebody without an account, with a ticket of alice's."""
    command = [*PROGRAMS[request.param], shared.data_dir / "secret", "valetkey-dev", "valetkey", "alice"]
    made = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return Api(shared.info["api"], made.stdout.strip())


def wish(**changes):
    return {"filename": "a.png", "content_type": "image/png", "size": 3, **changes}


def test_the_holder_uploads_one_image_for_whom_the_ticket_names(holder, shared):
    for refused, status in (
        (wish(content_type="text/plain"), 422),
        (wish(size=10_000_001), 413),
        (wish(path="elsewhere"), 403),
    ):
        assert holder.call("POST", "/v1/uploads", refused).status == status, refused
    created = holder.call("POST", "/v1/uploads", wish())
    assert created.status == 201, created.text
    assert send(created.json["request"], b"abc").status_code == 200
    file = holder.complete(created.json["id"])
    assert file.status == 200, file.text
    assert (file.json["owner"], file.json["path"]) == ("alice", "inbox")
    assert shared.as_subject("alice").call("GET", f"/v1/files/{file.json['id']}").status == 200
    assert holder.call("GET", f"/v1/files/{file.json['id']}").status == 403
    assert holder.call("GET", "/v1/files").status == 403
    spent = holder.call("POST", "/v1/uploads", wish())
    assert (spent.status, spent.json["scope"]) == (413, "ticket")
