"""What `valetkey presign` signs is taken by real storage: the embedded store, SeaweedFS and Azurite."""

import re
import uuid
from urllib.parse import quote, urlsplit

import boto3
import pytest
import requests
from azure.storage.blob import BlobServiceClient
from botocore.config import Config

from engines import DOMAIN, ROLE, azurite, seaweedfs
from presign import presign, send

KEYS = [
    "plain.txt", "a b+c~%=('*)!:@[].txt", "ünïcode/é/e\u0301/漢字 🦀", "deep//er", " space ", "%2e%2e/%2F", "…/....",
    "?query#fragment&a=b;c", "x/" * 100 + "漢" * 70,
]
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class S3:
    """A bucket, through presigned requests only."""

    address = None

    def __init__(self, endpoint, access_key, secret_key, bucket):
        self.line = {
            "provider": "s3", "endpoint": endpoint, "region": "us-east-1", "bucket": bucket, "style": "path",
            "access_key": access_key, "secret_key": secret_key, "expires_in": 600,
        }

    def call(self, method, key, query=(), headers=(), body=b"", expected=200):
        (answer,) = presign([self.line | {"method": method, "key": key, "query": query, "headers": headers}])
        status, got, text = send(method, answer["url"], headers, body, self.address)
        assert status == expected, (method, key, status, text)
        return got, text

    def form(self, key, **form):
        (answer,) = presign([self.line | {"method": "POST", "key": key, "form": form}])
        return answer["url"], answer["fields"]


@pytest.fixture(scope="module")
def weed(tmp_path_factory):
    engine = seaweedfs(tmp_path_factory.mktemp("weed"), "tests", "tests-secret")
    endpoint = f"http://127.0.0.1:{engine.port}"
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="tests",
        aws_secret_access_key="tests-secret", config=Config(retries={"total_max_attempts": 10}),
    )
    client.create_bucket(Bucket="photos")
    yield S3(endpoint, "tests", "tests-secret", "photos")
    engine.stop()


@pytest.fixture
def virtual(weed):
    """The same bucket, named by the host."""
    address = weed.line["endpoint"].removeprefix("http://")
    port = address.partition(":")[2]
    bucket = S3(f"http://{DOMAIN}:{port}", weed.line["access_key"], weed.line["secret_key"], weed.line["bucket"])
    bucket.line["style"] = "virtual"
    bucket.address = address
    return bucket


@pytest.fixture(scope="module")
def temporary(weed):
    """The same bucket, with temporary credentials and their session token."""
    client = boto3.client(
        "sts", endpoint_url=weed.line["endpoint"], region_name="us-east-1", aws_access_key_id=weed.line["access_key"],
        aws_secret_access_key=weed.line["secret_key"],
    )
    given = client.assume_role(RoleArn=ROLE, RoleSessionName="tests")["Credentials"]
    bucket = S3(weed.line["endpoint"], given["AccessKeyId"], given["SecretAccessKey"], weed.line["bucket"])
    bucket.line["session_token"] = given["SessionToken"]
    return bucket


@pytest.fixture
def embedded(shared):
    store = shared.info["store"]
    return S3(store["endpoint"], store["access_key"], store["secret_key"], store["bucket"])


@pytest.fixture(params=["embedded", "weed", "virtual", "temporary"])
def bucket(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("key", KEYS)
def test_objects_are_put_read_copied_and_deleted(bucket, key):
    key = f"{uuid.uuid4()}/{key}"
    headers = [("content-type", "text/plain"), ("content-length", "5"), ("x-amz-meta-a", "b")]
    bucket.call("PUT", key, headers=headers, body=b"hello")
    got, _ = bucket.call("HEAD", key)
    assert (got["content-length"], got["x-amz-meta-a"]) == ("5", "b")
    overrides = [("response-content-disposition", 'attachment; filename="a b.txt"'), ("response-content-type", "x/y")]
    got, text = bucket.call("GET", key, query=overrides)
    assert (text, got["content-type"], got["content-disposition"]) == (b"hello", "x/y", overrides[0][1])
    source = f"/{bucket.line['bucket']}/{quote(key)}"
    bucket.call("PUT", key + ".copy", headers=[("x-amz-copy-source", source)])
    assert bucket.call("GET", key + ".copy")[1] == b"hello"
    bucket.call("DELETE", key, expected=204)
    bucket.call("GET", key, expected=404)


def test_what_was_not_signed_is_refused(bucket):
    key = str(uuid.uuid4())
    (answer,) = presign([bucket.line | {"method": "PUT", "key": key, "headers": [["content-type", "text/plain"]]}])
    for url, headers in [
        (answer["url"], {"content-type": "text/html"}),
        (answer["url"].replace(key, "x" + key), {"content-type": "text/plain"}),
    ]:
        assert send("PUT", url, headers, b"hello", bucket.address)[0] == 403
    assert send("DELETE", answer["url"], {"content-type": "text/plain"}, address=bucket.address)[0] == 403
    bucket.call("GET", key, expected=404)


def test_multipart_uploads_are_made_listed_completed_and_aborted(bucket):
    key = f"{uuid.uuid4()}/large é.bin"
    _, text = bucket.call("POST", key, query=[("uploads", "")])
    upload = re.search(rb"<UploadId>(.+?)</UploadId>", text)[1].decode()
    sent = [b"a" * (5 << 20), b"the rest"]
    etags = []
    for number, body in enumerate(sent, 1):
        query = [("partNumber", str(number)), ("uploadId", upload)]
        got, _ = bucket.call("PUT", key, query=query, headers=[("content-length", str(len(body)))], body=body)
        etags.append(got["etag"])
    _, text = bucket.call("GET", key, query=[("uploadId", upload)])
    assert text.count(b"<Part>") == 2
    parts = "".join(
        f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>" for n, etag in enumerate(etags, 1)
    )
    body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    _, text = bucket.call("POST", key, query=[("uploadId", upload)], body=body)
    assert b"<Error>" not in text
    assert bucket.call("GET", key)[1] == b"".join(sent)

    _, text = bucket.call("POST", key, query=[("uploads", "")])
    other = re.search(rb"<UploadId>(.+?)</UploadId>", text)[1].decode()
    bucket.call("DELETE", key, query=[("uploadId", other)], expected=204)
    bucket.call("GET", key, query=[("uploadId", other)], expected=404)


# SeaweedFS knows no temporary credentials in forms, whoever signs them; the differential tests have those.
@pytest.mark.parametrize("bucket", ["embedded", "weed", "virtual"], indirect=True)
def test_forms_are_taken_with_their_exact_fields_only(bucket):
    key = f"{uuid.uuid4()}/form é.txt"
    url, fields = bucket.form(key, fields=[["Content-Type", "text/plain"]], content_length=[1, 10])
    host = urlsplit(url).netloc
    url = url.replace(host, bucket.address or host)

    def post(changed, body):
        return requests.post(url, data=fields | changed, files={"file": body}, headers={"host": host}, timeout=60)

    assert post({"key": key + "x"}, b"hello").status_code == 403
    assert post({"Content-Type": "text/html"}, b"hello").status_code == 403
    assert post({}, b"a" * 11).status_code in (400, 403)
    assert post({}, b"hello").status_code in (200, 204)
    assert bucket.call("GET", key)[1] == b"hello"


@pytest.fixture(scope="module")
def azure(tmp_path_factory):
    engine = azurite(tmp_path_factory.mktemp("azurite"))
    endpoint = f"http://127.0.0.1:{engine.port}/devstoreaccount1"
    service = BlobServiceClient(endpoint, credential=AZURE_KEY)
    service.create_container("photos")
    yield {
        "provider": "azure", "account": "devstoreaccount1", "account_key": AZURE_KEY, "container": "photos",
        "endpoint": endpoint, "expiry": "2099-01-01T00:00:00Z",
    }
    engine.stop()


PUT = [("x-ms-blob-type", "BlockBlob"), ("content-type", "text/plain")]


def grant(line, **more):
    (answer,) = presign([line | more])
    return answer["url"]


@pytest.mark.parametrize("version", [None, "2018-11-09", "2020-12-06", "2025-07-05", "2026-04-06"])
@pytest.mark.parametrize("key", KEYS)
def test_blobs_are_created_once_and_read_with_overrides(azure, key, version):
    blob = f"{uuid.uuid4()}/{key}"
    line = azure | {"version": version, "start": "2020-01-01", "protocol": "https,http"}
    create = grant(line, blob=blob, permissions="c")
    assert send("PUT", create, PUT, b"hello")[0] == 201
    assert send("PUT", create, PUT, b"again")[0] in (403, 409)
    assert send("GET", create)[0] == 403
    overrides = {"content_disposition": 'attachment; filename="a b.txt"', "content_type": "x/y", "cache_control": "no-store"}
    status, headers, text = send("GET", grant(line, blob=blob, permissions="r", overrides=overrides))
    assert (status, text) == (200, b"hello")
    assert headers["content-disposition"] == overrides["content_disposition"]
    other = grant(line, blob=blob + "x", permissions="r").split("?")[1]
    assert send("GET", create.split("?")[0] + "?" + other)[0] == 403


def test_blocks_go_up_and_one_grant_opens_a_container(azure):
    blob = f"{uuid.uuid4()}/blocks.bin"
    url = grant(azure, blob=blob, permissions="w")
    assert send("PUT", f"{url}&comp=block&blockid=QUFB", body=b"hello ")[0] == 201
    assert send("PUT", f"{url}&comp=block&blockid=QUFC", body=b"blocks")[0] == 201
    body = b"<BlockList><Latest>QUFB</Latest><Latest>QUFC</Latest></BlockList>"
    assert send("PUT", f"{url}&comp=blocklist", body=body)[0] == 201
    whole = grant(azure, permissions="rl")
    base, token = whole.split("?")
    assert send("GET", f"{base}/{blob}?{token}")[2] == b"hello blocks"
    assert send("GET", f"{whole}&restype=container&comp=list")[0] == 200
    assert send("DELETE", f"{base}/{blob}?{token}")[0] == 403


def test_a_grant_that_has_expired_or_not_begun_is_refused(azure):
    for limits in [{"expiry": "2020-01-01"}, {"start": "2098-01-01"}, {"protocol": "https"}]:
        assert send("GET", grant(azure, blob="a", permissions="r", **limits))[0] == 403
