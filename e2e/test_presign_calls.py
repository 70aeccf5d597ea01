"""Calls that are signed in their headers, and keys that Microsoft Entra hands out, are taken by real storage."""

import base64
import datetime
import json
import os
import re
import subprocess
import time
import uuid

import boto3
import pytest
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engines import azurite, seaweedfs
from presign import presign, send
from service import BUILD
from test_presign_live import AZURE_KEY, KEYS, PUT

CALL = BUILD / "examples/control_call"


def call(*arguments, body=b"", **variables):
    """What the example of valetkey-sign is answered: the status, and the rest."""
    assert CALL.exists(), "build it: cargo build -p valetkey-sign --examples"
    done = subprocess.run([CALL, *arguments], input=body, stdout=subprocess.PIPE, env=os.environ | variables, timeout=60)
    head, _, rest = done.stdout.partition(b"\r\n\r\n")
    return int(head.split()[1]), rest


@pytest.fixture(scope="module")
def weed(tmp_path_factory):
    engine = seaweedfs(tmp_path_factory.mktemp("weed"), "tests", "tests-secret")
    yield f"http://127.0.0.1:{engine.port}", "tests", "tests-secret", "photos"
    engine.stop()


@pytest.fixture
def embedded(shared):
    store = shared.info["store"]
    return store["endpoint"], store["access_key"], store["secret_key"], store["bucket"]


@pytest.mark.parametrize("engine", ["embedded", "weed"])
def test_calls_to_a_bucket_and_its_objects_are_taken(engine, request):
    endpoint, access_key, secret_key, bucket = request.getfixturevalue(engine)
    if engine == "weed":
        boto3.client(
            "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=access_key,
            aws_secret_access_key=secret_key, config=Config(retries={"total_max_attempts": 10}),
        ).create_bucket(Bucket=bucket)

    def s3(method, key, *rest, body=b"", secret=secret_key):
        place = ["s3", endpoint, "us-east-1", bucket, method, key]
        return call(*place, *rest, body=body, AWS_ACCESS_KEY_ID=access_key, AWS_SECRET_ACCESS_KEY=secret)

    folder = f"{uuid.uuid4()}/a b+é~"
    key, copy = f"{folder}/1", f"{folder}/2"
    assert s3("PUT", key, "content-type: text/plain", "x-amz-meta-a:  b  c ", body=b"hello")[0] == 200
    assert s3("GET", key, secret="guess")[0] == 403
    status, text = s3("GET", key, "response-content-type=x/y")
    assert (status, text) == (200, b"hello")
    assert s3("HEAD", key)[0] == 200
    source = presign([{
        "provider": "s3", "method": "GET", "endpoint": endpoint, "region": "us-east-1", "bucket": bucket, "key": key,
        "style": "path", "access_key": access_key, "secret_key": secret_key, "expires_in": 60,
    }])[0]["url"].removeprefix(endpoint).split("?")[0]
    assert s3("PUT", copy, f"x-amz-copy-source: {source}")[0] == 200
    status, text = s3("GET", "", "list-type=2", f"prefix={folder}/")
    assert (status, text.count(b"<Key>")) == (200, 2), text

    _, text = s3("POST", key, "uploads=")
    upload = re.search(rb"<UploadId>(.+?)</UploadId>", text)[1].decode()
    assert s3("PUT", key, "partNumber=1", f"uploadId={upload}", body=b"part")[0] == 200
    assert s3("GET", key, f"uploadId={upload}")[1].count(b"<Part>") == 1
    assert s3("DELETE", key, f"uploadId={upload}")[0] == 204
    for one in (key, copy):
        assert s3("DELETE", one)[0] == 204
        assert s3("HEAD", one)[0] == 404


def certificate(folder):
    """One that its own key has signed, and that key, in two files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))
    return files


def token():
    """A token of Microsoft Entra, as far as Azurite looks at it."""
    now = int(time.time())
    tenant = "ab1f708d-50f6-404c-a006-d71b2ac7a606"
    claims = {
        "aud": "https://storage.azure.com", "iss": f"https://sts.windows.net/{tenant}/", "oid": "an-object", "tid": tenant,
        "iat": now - 60, "nbf": now - 60, "exp": now + 3600,
    }
    part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}.c2lnbmF0dXJl"


def test_calls_with_an_accounts_key_are_taken(tmp_path):
    engine = azurite(tmp_path)
    try:
        def blobs(method, path, *rest, body=b"", key=AZURE_KEY):
            place = ["azure", f"http://127.0.0.1:{engine.port}/devstoreaccount1", "devstoreaccount1", method, path]
            return call(*place, *rest, body=body, AZURE_STORAGE_KEY=key)

        assert blobs("PUT", "photos", "restype=container")[0] == 201
        blob = "photos/a b+é~/1"
        sent = ["x-ms-blob-type: BlockBlob", "content-type: text/plain", "x-ms-meta-b: c", "x-ms-meta-ab: d"]
        assert blobs("PUT", blob, *sent, body=b"hello")[0] == 201
        assert blobs("GET", blob, key="Z3Vlc3M=")[0] == 403
        assert blobs("GET", blob, "range: bytes=1-2") == (206, b"el")
        assert blobs("GET", blob, "x-ms-range: bytes=1-2", "if-match: *")[0] == 206
        assert b"<Name>a b+" in blobs("GET", "photos", "restype=container", "comp=list", "prefix=a b")[1]
        assert blobs("PUT", blob, "comp=metadata", "x-ms-meta-c: e")[0] == 200
        assert blobs("PUT", blob, "comp=block", "blockid=QUFB", body=b"block")[0] == 201
        assert blobs("DELETE", blob)[0] == 202
    finally:
        engine.stop()


def test_delegated_keys_open_blobs_and_containers(tmp_path):
    engine = azurite(tmp_path, certificate(tmp_path))
    try:
        origin = f"https://127.0.0.1:{engine.port}/devstoreaccount1"
        sent = {"authorization": f"Bearer {token()}", "x-ms-version": "2024-11-04"}
        assert send("PUT", f"{origin}/photos?restype=container", sent)[0] == 201
        now = datetime.datetime.now(datetime.timezone.utc)
        start, expiry = (f"{now + datetime.timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}" for hours in (-1, 24))
        wish = f"<KeyInfo><Start>{start}</Start><Expiry>{expiry}</Expiry></KeyInfo>".encode()
        status, _, text = send("POST", f"{origin}/?restype=service&comp=userdelegationkey", sent, wish)
        assert status == 200, text
        parts = dict(re.findall(r"<(\w+)>([^<]+)</", text.decode()))
        names = {"signed_oid": "SignedOid", "signed_tid": "SignedTid", "signed_start": "SignedStart",
                 "signed_expiry": "SignedExpiry", "signed_service": "SignedService", "signed_version": "SignedVersion",
                 "value": "Value"}
        line = {
            "provider": "azure", "account": "devstoreaccount1", "container": "photos", "endpoint": origin, "expiry": expiry,
            "user_delegation_key": {ours: parts[theirs] for ours, theirs in names.items()}, "protocol": "https",
        }
        for version in ["2018-11-09", "2020-02-10", "2020-12-06", "2024-11-04", "2025-07-05"]:
            for blob in KEYS:
                blob = f"{version}/{blob}"
                create, read, whole = presign([line | more for more in [
                    {"version": version, "blob": blob, "permissions": "c"},
                    {"version": version, "blob": blob, "permissions": "r", "overrides": {"content_type": "x/y"}},
                    {"version": version, "permissions": "l"},
                ]])
                assert send("PUT", create["url"], PUT, b"hello")[0] == 201, (version, blob)
                status, headers, text = send("GET", read["url"])
                assert (status, headers["content-type"], text) == (200, "x/y", b"hello")
                # Below a container, Azurite compares with the text for the blob, and takes nobody's signature.
                assert send("GET", whole["url"] + "&restype=container&comp=list")[0] == 200
                assert send("PUT", read["url"], PUT, b"again")[0] == 403
    finally:
        engine.stop()
