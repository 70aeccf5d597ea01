"""Thousands of random requests, signed by google-cloud-storage and by `valetkey presign --jsonl`."""

import datetime
import hashlib
import hmac
import random
from pathlib import Path
from urllib.parse import quote

from google.auth import crypt
from google.cloud.storage import _signing, client
from google.oauth2 import service_account

from presign import PRINTABLE, conditions, key, parts, presign, same, text

REQUESTS = 2_000
AT = "20260102T030405Z"
PEM = (Path(__file__).parent.parent / "crates/sign/tests/keys/rsa.pem").read_text()
EMAIL = "signer@project.iam.gserviceaccount.com"
PARAMETERS = ["generation", "response-content-type", "response-content-disposition", "uploadId", "partNumber", "a b", "é", "A"]
HEADERS = ["Content-Type", "x-goog-if-generation-match", "X-Goog-Meta-A", "x-goog-content-sha256", "content-length"]


def line_of(random):
    headers, query = {}, {}
    for name in random.sample(HEADERS, random.randint(0, 3)):
        headers[name] = text(random, 1, 12, "abc XYZ019=/;").strip() or "1"
    for name in random.sample(PARAMETERS, random.randint(0, 3)):
        query[name] = text(random, 1, 12)
    return {
        "provider": "gcs",
        "method": random.choice(["GET", "PUT", "HEAD", "DELETE", "POST"]),
        "endpoint": random.choice([None, "https://storage.example.com:8443"]),
        "bucket": random.choice(["photos", "dotted.bucket.name", "under_score"]),
        "key": key(random),
        "style": "path",
        "at": AT,
        "expires_in": random.randint(1, 604_800),
        "headers": list(headers.items()),
        "query": list(query.items()),
    }


def by_google(line, credentials):
    return _signing.generate_signed_url_v4(
        credentials,
        resource=f"/{line['bucket']}/{quote(line['key'], safe='/~')}",
        expiration=line["expires_in"],
        api_access_endpoint=line["endpoint"] or "https://storage.googleapis.com",
        method=line["method"],
        headers=dict(line["headers"]),
        query_parameters=dict(line["query"]),
        _request_timestamp=AT,
    )


def credentials():
    return service_account.Credentials(crypt.RSASigner.from_string(PEM), EMAIL, "https://oauth2.example/token")


def test_random_requests_are_signed_as_by_google():
    seeded = random.Random(20260102)
    lines = [line_of(seeded) | {"client_email": EMAIL, "private_key": PEM} for _ in range(REQUESTS)]
    account = credentials()
    same(presign(lines), [by_google(line, account) for line in lines], lines)


def by_hmac(line, access_id, secret):
    """Google's library signs with RSA only: its texts, with the other algorithm's name and key."""
    seen = []

    class Hmac:
        signer_email = access_id

        def sign_bytes(self, message):
            seen.append(message)
            return b""

    # The name of the algorithm is in the query that is signed, so it is changed before anything is hashed.
    original = _signing._url_encode
    try:
        _signing._url_encode = lambda q: original(q | {"X-Goog-Algorithm": "GOOG4-HMAC-SHA256"})
        _signing.ensure_signed_credentials = lambda _: None
        url = by_google(line, Hmac())
    finally:
        _signing._url_encode = original
    (message,) = seen
    message = message.replace(b"GOOG4-RSA-SHA256", b"GOOG4-HMAC-SHA256")
    signing = ("GOOG4" + secret).encode()
    for part in [AT[:8], "auto", "storage", "goog4_request"]:
        signing = hmac.digest(signing, part.encode(), hashlib.sha256)
    return url + hmac.new(signing, message, hashlib.sha256).hexdigest()


def test_hmac_keys_sign_the_same_texts():
    seeded = random.Random(7)
    lines = []
    for _ in range(REQUESTS):
        access_id = "GOOG1E" + text(seeded, 8, 20, "ABCDEFGH234567")
        secret = text(seeded, 1, 90, "abcXYZ019/+=")
        lines.append(line_of(seeded) | {"hmac_access_id": access_id, "hmac_secret": secret})
    theirs = [by_hmac(line, line["hmac_access_id"], line["hmac_secret"]) for line in lines]
    same(presign(lines), theirs, lines)


def test_random_forms_are_signed_as_by_google(monkeypatch):
    at = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    for module in (_signing, client):
        monkeypatch.setattr(module, "_NOW", lambda _: at)
    seeded = random.Random(3)
    account = credentials()
    google = client.Client("project", account)
    names = ["Content-Type", "acl", "x-goog-meta-a", "success_action_status", "Cache-Control"]
    lines, theirs = [], []
    for _ in range(300):
        fields = {name: text(seeded, 0, 12, PRINTABLE) for name in seeded.sample(names, seeded.randint(0, 3))}
        sizes = seeded.choice([None, [0, 5_368_709_120], [1, seeded.randint(1, 999)]])
        line = line_of(seeded) | {
            "method": None, "endpoint": None, "headers": [], "query": [], "client_email": EMAIL, "private_key": PEM,
            "form": {"fields": list(fields.items()), "content_length": sizes},
        }
        lines.append(line)
        theirs.append(google.generate_signed_post_policy_v4(
            line["bucket"], line["key"], datetime.timedelta(seconds=line["expires_in"]), fields=fields,
            conditions=[["content-length-range", *sizes]] if sizes else [],
        ))
    for answer, other, line in zip(presign(lines), theirs, lines, strict=True):
        assert "fields" in answer, (answer, line)
        ours, other_fields = answer["fields"], other["fields"]
        # RSA signatures are over the very bytes of a policy, whose order is free.
        signature = account.sign_bytes(ours["policy"].encode()).hex()
        assert ours.pop("x-goog-signature") == signature
        del other_fields["x-goog-signature"]
        assert conditions(ours.pop("policy")) == conditions(other_fields.pop("policy")), line
        assert (answer["url"], ours) == (other["url"].rstrip("/"), other_fields), line


def test_the_other_styles_name_the_bucket_in_the_host():
    line = line_of(random.Random(5)) | {"endpoint": None, "hmac_access_id": "G", "hmac_secret": "s", "bucket": "photos"}
    virtual, bound, slip = presign([
        line | {"style": "virtual"}, line | {"style": "bound", "endpoint": "https://cdn.example.com"},
        line | {"client_email": EMAIL},
    ])
    assert parts(virtual["url"])[1] == "photos.storage.googleapis.com"
    assert parts(bound["url"])[1:3] == ("cdn.example.com", "/" + quote(line["key"], safe="/~"))
    assert "either" in slip["error"]
