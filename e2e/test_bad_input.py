"""Everything a client can get wrong: each answered by the problem the API promises, and nothing left behind."""

import base64
import hashlib
import json
import socket
import time
from datetime import datetime, timezone
from urllib.parse import urlsplit

import pytest

from conftest import s3_client
from service import MIB, Api, send

CREATE = {"filename": "note.txt", "content_type": "text/plain", "size": 5}
NOBODY = "0199a4c1-7a2e-7cc0-9f3b-5b1f0c0d9e77"


@pytest.fixture(autouse=True)
def nothing_is_left_behind(shared):
    """After every test here the same files are listed, and no multipart upload is open in the store."""
    before = [file["id"] for file in shared.api.files()]
    yield
    assert [file["id"] for file in shared.api.files()] == before
    store = shared.info["store"]
    open_uploads = s3_client(shared).list_multipart_uploads(Bucket=store["bucket"])
    assert open_uploads.get("Uploads", []) == []


@pytest.fixture
def api(shared):
    return shared.api


def assert_problem(answer, *expected):
    """The answer is one of the expected `(status, code)` problems, whole and helpful."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json
    assert (answer.status, problem["code"]) in expected, answer.text
    assert problem["status"] == answer.status
    assert problem["type"] == f"/problems/{problem['code']}"
    assert len(problem["title"]) > 5 and len(problem["detail"]) > 10 and problem["request_id"]
    return problem


FIELDS = {
    "an unknown field": ({"colour": "red"}, (422, "unknown_field")),
    "a number as filename": ({"filename": 5}, (422, "invalid_request")),
    "no filename": ({"filename": None}, (422, "invalid_request")),
    "an empty filename": ({"filename": ""}, (422, "invalid_request")),
    "a long filename": ({"filename": "x" * 256}, (422, "invalid_request")),
    "a path as filename": ({"filename": "../etc/passwd"}, (422, "invalid_request")),
    "a NUL in the filename": ({"filename": "a\0b"}, (422, "invalid_request")),
    "a newline in the filename": ({"filename": "a\r\nSet-Cookie: b"}, (422, "invalid_request")),
    "a direction override": ({"filename": "a\u202egpj.exe"}, (422, "invalid_request")),
    "a negative size": ({"size": -1}, (422, "invalid_request")),
    "half a byte": ({"size": 1.5}, (422, "invalid_request")),
    "a size as text": ({"size": "5"}, (422, "invalid_request")),
    "a size of 2^63": ({"size": 2**63}, (413, "file_too_large"), (422, "invalid_request")),
    "a size of 2^64": ({"size": 2**64}, (422, "invalid_request")),
    "a size over the limit": ({"size": 2**50}, (413, "file_too_large")),
    "a boolean as size": ({"size": True}, (422, "invalid_request")),
    "no content type": ({"content_type": ""}, (422, "invalid_request")),
    "half a content type": ({"content_type": "image"}, (422, "invalid_request")),
    "a wildcard content type": ({"content_type": "image/*"}, (422, "invalid_request")),
    "a header in the content type": (
        {"content_type": "image/png\r\nx-amz-acl: public-read"}, (422, "invalid_request"),
    ),
    "a path that climbs": ({"path": "a/../b"}, (422, "invalid_request")),
    "a control in the path": ({"path": "a\tb"}, (422, "invalid_request")),
    "a control in the metadata": ({"metadata": {"a": "\u0007"}}, (422, "invalid_request")),
    "metadata that is no text": ({"metadata": {"a": 1}}, (422, "invalid_request")),
    "too much metadata": ({"metadata": {"a": "x" * 5000}}, (422, "invalid_request")),
    "a checksum that is no base64": (
        {"checksum": {"algorithm": "sha256", "value": "!"}}, (422, "invalid_request"),
    ),
    "a short checksum": ({"checksum": {"algorithm": "sha256", "value": "AAAA"}}, (422, "invalid_request")),
    "an unknown algorithm": ({"checksum": {"algorithm": "md4", "value": "AAAA"}}, (422, "invalid_request")),
    "an expiry in the past": ({"expires_in": -1}, (422, "invalid_request")),
    "an expiry of no time": ({"expires_in": 0}, (422, "invalid_request")),
    "an endless expiry": ({"expires_in": 10**12}, (422, "invalid_request")),
    "an unknown bucket": ({"bucket": "nowhere"}, (404, "not_found"), (422, "invalid_request")),
}


@pytest.mark.parametrize("case", FIELDS)
def test_a_field_that_is_wrong_is_named(api, case):
    fields, *expected = FIELDS[case]
    body = {name: value for name, value in {**CREATE, **fields}.items() if value is not None}
    problem = assert_problem(api.call("POST", "/v1/uploads", body), *expected)
    if problem["code"] in ("invalid_request", "unknown_field"):
        (name,) = fields
        assert problem["field"].split(".")[0] == name


BODIES = {
    "nothing": (b"", (400, "malformed_request")),
    "no JSON": (b"filename=note.txt", (400, "malformed_request")),
    "half of it": (b'{"filename": "no', (400, "malformed_request")),
    "two of it": (b"{} {}", (400, "malformed_request"), (422, "invalid_request")),
    "bad UTF-8": (json.dumps(CREATE).encode().replace(b"note", b"\xff\xfe"), (400, "malformed_request")),
    "half a surrogate": (
        json.dumps(CREATE).encode().replace(b"note", b"\\ud800"), (400, "malformed_request"),
    ),
    "a key twice": (
        json.dumps(CREATE).encode().replace(b"{", b'{"size": 1, ', 1), (400, "malformed_request"),
    ),
    "an array": (b"[]", (422, "invalid_request"), (400, "malformed_request")),
    "an array of the values": (b'["note.txt", "text/plain", 5]', (422, "invalid_request")),
    "an array within": (
        json.dumps({**CREATE, "checksum": ["crc32c", "AAAAAA=="]}).encode(), (422, "invalid_request"),
    ),
    "null": (b"null", (422, "invalid_request"), (400, "malformed_request")),
    "a depth of 100,000": (
        b'{"metadata": ' + b"[" * 100_000, (400, "malformed_request"), (413, "body_too_large"),
    ),
    "a depth of 100,000 at the top": (
        b"[" * 100_000 + b"]" * 100_000, (400, "malformed_request"), (413, "body_too_large"),
    ),
    "10 MiB": (
        json.dumps({**CREATE, "filename": "x" * 10 * MIB}).encode(), (413, "body_too_large"),
    ),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_cannot_be_read_is_refused(api, case):
    raw, *expected = BODIES[case]
    assert_problem(api.call("POST", "/v1/uploads", raw=raw), *expected)


@pytest.mark.parametrize("raw", [b"[]", b"null", b'"x"', b"5"])
def test_a_body_that_may_be_left_out_must_still_be_an_object(api, raw):
    upload = api.created()
    for path in (f"/v1/uploads/{upload['id']}/complete", f"/v1/files/{upload['id']}/download"):
        assert_problem(api.call("POST", path, raw=raw), (422, "invalid_request"))
    assert api.call("DELETE", f"/v1/uploads/{upload['id']}").status == 204


def test_ten_mebibytes_without_a_length_are_refused_too(api):
    chunks = (b"x" * MIB for _ in range(10))
    answer = api.session.post(
        api.url + "/v1/uploads", data=chunks, timeout=60,
        headers={"authorization": f"Bearer {api.token}", "content-type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) in [
        (413, "body_too_large"), (400, "malformed_request"),
    ]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_body_that_is_not_declared_as_json_is_refused(api, content_type):
    answer = api.call(
        "POST", "/v1/uploads", raw=json.dumps(CREATE).encode(), headers={"content-type": content_type}
    )
    assert_problem(answer, (415, "content_type_unsupported"))


TOKENS = {
    "no token": (None, "unauthenticated"),
    "an empty token": ("", "unauthenticated"),
    "three dots": ("...", "unauthenticated"),
    "a token without a signature": (
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJkZXYiLCJleHAiOjQxMDI0NDQ4MDB9.", "unauthenticated",
    ),
}


@pytest.mark.parametrize("case", TOKENS)
def test_a_token_that_does_not_hold_opens_nothing(shared, case):
    token, code = TOKENS[case]
    stranger = Api(shared.info["api"], token)
    for method, path in [("POST", "/v1/uploads"), ("GET", "/v1/files"), ("GET", f"/v1/files/{NOBODY}")]:
        body = CREATE if method == "POST" else None
        assert_problem(stranger.call(method, path, body), (401, code))


def test_a_token_whose_end_was_changed_opens_nothing(shared):
    head, payload, signature = shared.info["token"].split(".")
    changed = signature[:5] + ("A" if signature[5] != "A" else "B") + signature[6:]
    stranger = Api(shared.info["api"], f"{head}.{payload}.{changed}")
    assert_problem(stranger.call("GET", "/v1/files"), (401, "unauthenticated"))


IDS = [NOBODY, "1", "%00", "..%2f..", "' or 1=1--", NOBODY.upper() + "x", "0" * 5000]


@pytest.mark.parametrize("name", IDS, ids=lambda name: name[:40])
def test_unknown_and_malformed_ids_are_one_and_the_same(api, name):
    seen = set()
    for method, path, body in [
        ("GET", "/v1/uploads/{}", None),
        ("POST", "/v1/uploads/{}/complete", {}),
        ("POST", "/v1/uploads/{}/parts", {"part_numbers": [1]}),
        ("DELETE", "/v1/uploads/{}", None),
        ("GET", "/v1/files/{}", None),
        ("PATCH", "/v1/files/{}", {"filename": "b"}),
        ("DELETE", "/v1/files/{}", None),
        ("POST", "/v1/files/{}/download", {}),
        ("GET", "/v1/files/{}/content", None),
    ]:
        problem = assert_problem(api.call(method, path.format(name), body), (404, "not_found"))
        seen.add(problem["detail"])
    assert len(seen) == 1 and name not in seen.pop()


def test_what_belongs_to_others_is_not_there(shared, api):
    upload = api.created()
    bob = shared.as_subject("bob")
    for method, path, body in [
        ("GET", "", None),
        ("POST", "/complete", {}),
        ("POST", "/parts", {"part_numbers": [1]}),
        ("DELETE", "", None),
    ]:
        assert_problem(bob.call(method, f"/v1/uploads/{upload['id']}{path}", body), (404, "not_found"))
    assert api.call("GET", f"/v1/uploads/{upload['id']}").json["state"] == "pending"
    assert api.call("DELETE", f"/v1/uploads/{upload['id']}").status == 204


def test_an_aborted_upload_cannot_go_on(api):
    upload = api.created()
    assert api.call("DELETE", f"/v1/uploads/{upload['id']}").status == 204
    assert_problem(api.complete(upload["id"]), (409, "conflict"))
    assert send(upload["request"], b"hello").status_code in (200, 403, 412)
    assert_problem(api.complete(upload["id"]), (409, "conflict"))


def test_an_upload_that_is_pending_is_no_file(api):
    upload = api.created()
    assert_problem(api.call("GET", f"/v1/files/{upload['id']}"), (404, "not_found"))
    assert_problem(api.call("POST", f"/v1/files/{upload['id']}/download", {}), (404, "not_found"))
    api.call("DELETE", f"/v1/uploads/{upload['id']}")


@pytest.fixture
def multipart(api):
    upload = api.created(filename="film.bin", content_type="application/octet-stream", size=20 * MIB)
    assert upload["strategy"] == "multipart" and upload["part_count"] > 1
    yield upload
    assert api.call("DELETE", f"/v1/uploads/{upload['id']}").status == 204


PARTS = {
    "part 0": ([0], (422, "invalid_request")),
    "a negative part": ([-1], (422, "invalid_request")),
    "a part as text": (["1"], (422, "invalid_request")),
    "a part past the plan": ([9_999], (422, "invalid_request")),
    "a part no store has": ([10_001], (422, "invalid_request")),
    "a part past all bounds": ([2**40], (422, "invalid_request")),
    "the same part twice": ([1, 1], (422, "invalid_request")),
    "no part": ([], (422, "invalid_request")),
    "too many parts": (list(range(1, 102)), (413, "batch_too_large"), (422, "invalid_request")),
}


@pytest.mark.parametrize("case", PARTS)
def test_a_part_outside_the_plan_is_not_signed(api, multipart, case):
    numbers, *expected = PARTS[case]
    answer = api.call("POST", f"/v1/uploads/{multipart['id']}/parts", {"part_numbers": numbers})
    assert_problem(answer, *expected)


def test_a_single_upload_is_its_own_only_part(api):
    upload = api.created()
    parts = f"/v1/uploads/{upload['id']}/parts"
    assert_problem(api.call("POST", parts, {"part_numbers": [2]}), (422, "invalid_request"))
    (again,) = api.call("POST", parts, {"part_numbers": [1]}).json["parts"]
    assert again["size"] == 5
    assert send(again["request"], b"hello").status_code == 200
    assert send(upload["request"], b"HELLO").status_code == 412
    assert api.call("DELETE", f"/v1/uploads/{upload['id']}").status == 204


def test_missing_parts_are_said_and_can_still_come(api, multipart):
    first = multipart["parts"][0]
    assert send(first["request"], b"a" * first["size"]).status_code == 200
    assert_problem(api.complete(multipart["id"]), (409, "upload_incomplete"))
    seen = api.call("GET", f"/v1/uploads/{multipart['id']}").json
    assert [part["part_number"] for part in seen["uploaded_parts"]] == [1]
    assert seen["state"] == "pending"


def test_a_short_part_is_refused_by_the_store(api, multipart):
    first = multipart["parts"][0]
    assert send(first["request"], b"a" * (first["size"] - 1)).status_code == 403
    assert_problem(api.complete(multipart["id"]), (409, "upload_incomplete"))


def test_bytes_that_never_came_are_missed(api):
    upload = api.created()
    assert_problem(api.complete(upload["id"]), (409, "upload_incomplete"))
    assert api.call("GET", f"/v1/uploads/{upload['id']}").json["state"] == "pending"
    api.call("DELETE", f"/v1/uploads/{upload['id']}")


@pytest.mark.parametrize("data", [b"", b"hell", b"hello!"])
def test_a04_a_wrong_number_of_bytes_is_refused_by_the_store(api, data):
    upload = api.created()
    assert send(upload["request"], data).status_code == 403
    assert_problem(api.complete(upload["id"]), (409, "upload_incomplete"), (409, "size_mismatch"))
    api.call("DELETE", f"/v1/uploads/{upload['id']}")


def test_bytes_that_stop_coming_leave_nothing(api):
    upload = api.created(size=1000)
    url = urlsplit(upload["request"]["url"])
    with socket.create_connection((url.hostname, url.port)) as connection:
        lines = [f"PUT {url.path}?{url.query} HTTP/1.1", f"host: {url.netloc}", "content-length: 1000"]
        lines += [f"{name}: {value}" for name, value in upload["request"]["headers"].items()]
        connection.sendall("\r\n".join([*lines, "", "x" * 500]).encode())
    assert_problem(api.complete(upload["id"]), (409, "upload_incomplete"))
    api.call("DELETE", f"/v1/uploads/{upload['id']}")


def checksum(data: bytes) -> dict:
    return {"algorithm": "sha256", "value": base64.b64encode(hashlib.sha256(data).digest()).decode()}


def test_wrong_bytes_under_a_declared_checksum_are_refused_by_the_store(api):
    upload = api.created(checksum=checksum(b"hello"))
    assert send(upload["request"], b"HELLO").status_code == 400
    assert_problem(api.complete(upload["id"]), (409, "upload_incomplete"))
    assert send(upload["request"], b"hello").status_code == 200
    file = api.complete(upload["id"])
    assert file.status == 200 and file.json["integrity"] in ("checksum", "rehash")
    assert api.call("DELETE", f"/v1/files/{upload['id']}").status == 204


def test_foreign_bytes_are_found_out_when_the_checksum_comes_late(api):
    upload = api.created()
    assert send(upload["request"], b"HELLO").status_code == 200
    assert_problem(api.complete(upload["id"], checksum=checksum(b"hello")), (409, "checksum_mismatch"))
    assert_problem(api.call("GET", f"/v1/files/{upload['id']}"), (404, "not_found"))


def test_a05_an_upload_url_is_good_for_one_upload_only(api):
    one, other = api.created(), api.created()
    for changed in (
        one["request"]["url"].replace(one["id"], other["id"]),
        one["request"]["url"][:-1] + ("0" if one["request"]["url"][-1] != "0" else "1"),
        one["request"]["url"] + "&x-amz-acl=public-read",
    ):
        assert send({**one["request"], "url": changed}, b"hello").status_code == 403
    for upload in (one, other):
        assert_problem(api.complete(upload["id"]), (409, "upload_incomplete"))
        api.call("DELETE", f"/v1/uploads/{upload['id']}")


def test_a13_an_upload_url_cannot_write_twice(api):
    upload = api.created()
    assert send(upload["request"], b"hello").status_code == 200
    assert send(upload["request"], b"HELLO").status_code == 412
    assert api.complete(upload["id"]).status == 200
    assert send(upload["request"], b"HELLO").status_code == 412
    assert api.call("DELETE", f"/v1/files/{upload['id']}").status == 204
    assert send(upload["request"], b"HELLO").status_code == 412
    assert_problem(api.call("GET", f"/v1/files/{upload['id']}"), (404, "not_found"))


def test_an_expired_upload_url_is_refused_by_the_store(api):
    upload = api.created(expires_in=1)
    expires_at = datetime.fromisoformat(upload["request"]["expires_at"].replace("Z", "+00:00"))
    time.sleep(max(0, (expires_at - datetime.now(timezone.utc)).total_seconds()) + 1)
    assert send(upload["request"], b"hello").status_code == 403
    assert_problem(api.complete(upload["id"]), (409, "upload_incomplete"))
    api.call("DELETE", f"/v1/uploads/{upload['id']}")


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=many", "limit=100000", "cursor=x", "cursor=AAAA", "order=best",
     "limit=1&limit=2", "colour=red", "path=%FF"],
)
def test_a_query_that_cannot_be_read_is_refused(api, query):
    assert_problem(
        api.call("GET", f"/v1/files?{query}"), (400, "malformed_request"), (422, "invalid_request"),
        (422, "unknown_field"),
    )


@pytest.mark.parametrize(
    ("path", "name", "item"),
    [("/v1/uploads/batch", "uploads", CREATE), ("/v1/uploads/complete", "ids", NOBODY),
     ("/v1/downloads/batch", "ids", NOBODY)],
)
def test_a_batch_has_its_limit(api, path, name, item):
    assert_problem(api.call("POST", path, {name: [item] * 101}), (413, "batch_too_large"))


def test_one_bad_item_does_not_spoil_a_batch(api):
    items = [CREATE, {**CREATE, "size": 2**50}]
    answer = api.call("POST", "/v1/uploads/batch", {"uploads": items})
    assert answer.status == 200
    good, bad = answer.json["results"]
    assert (good["status"], bad["status"]) == (201, 413)
    assert bad["problem"]["code"] == "file_too_large"
    api.call("DELETE", f"/v1/uploads/{good['upload']['id']}")


def test_paths_and_methods_that_do_not_exist_are_problems_too(api):
    assert_problem(api.call("GET", "/v1/nothing"), (404, "not_found"))
    assert_problem(api.call("PUT", "/v1/uploads", CREATE), (405, "method_not_allowed"))
