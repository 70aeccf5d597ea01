"""Thousands of random requests, signed by botocore and by `valetkey presign --jsonl`: not a byte may differ."""

import datetime
import random
from urllib.parse import quote

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.session
import pytest
from botocore.config import Config

from presign import key, presign, same, text

REQUESTS = 2_500
AT = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
PARAMETERS = ["partNumber", "uploadId", "response-content-type", "response-content-disposition", "versionId", "a b", "é", "A"]
HEADERS = ["Content-Type", "content-length", "If-None-Match", "x-amz-meta-a", "X-Amz-Meta-B", "x-amz-acl", "range"]


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """botocore signs at the instant of the tests."""
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: AT.replace(tzinfo=None))


def line_of(random):
    style = random.choice(["virtual", "path", "bound"])
    scheme = random.choice(["https", "http"])
    port = random.choice(["", ":9000"])
    base = random.choice(["", "", "/base/path"])
    host = "[::1]" if style == "path" and random.random() < 0.1 else "storage.example.com"
    headers, query = {}, {}
    for name in random.sample(HEADERS, random.randint(0, 4)):
        headers[name] = text(random, 0, 12, "abc XYZ019=/;\"é").strip() or "1"
    for name in random.sample(PARAMETERS, random.randint(0, 4)):
        query[name] = text(random, 0, 12)
    return {
        "provider": "s3",
        "method": random.choice(["GET", "PUT", "HEAD", "DELETE", "POST"]),
        "endpoint": f"{scheme}://{host}{port}{base}",
        "region": random.choice(["us-east-1", "eu-central-1", "auto", "cn-north-1", "us-gov-west-1"]),
        "bucket": random.choice(["photos", "dotted.bucket.name", "b-1"]),
        "key": key(random),
        "style": style,
        "access_key": "AKIA" + text(random, 4, 16, "ABCDEFGHIJ0123456789"),
        "secret_key": text(random, 1, 100, "abcdefXYZ0123/+="),
        "session_token": random.choice([None, text(random, 1, 764, "abcXYZ019/+=")]),
        "at": AT.strftime("%Y%m%dT%H%M%SZ"),
        "expires_in": random.randint(1, 604_800),
        "headers": list(headers.items()),
        "query": list(query.items()),
    }


def by_botocore(line):
    """The URL as botocore's own signer makes it, from the path that the style says."""
    scheme, rest = line["endpoint"].split("://")
    host, slash, base = rest.partition("/")
    base = slash + base
    if line["style"] == "virtual":
        host = f"{line['bucket']}.{host}"
    elif line["style"] == "path":
        base += f"/{line['bucket']}"
    path = f"{base}/{quote(line['key'], safe='/~')}"
    request = botocore.awsrequest.AWSRequest(
        method=line["method"],
        url=f"{scheme}://{host}{path}",
        params=dict(line["query"]),
        headers=dict(line["headers"]),
    )
    credentials = botocore.credentials.Credentials(line["access_key"], line["secret_key"], line["session_token"])
    signer = botocore.auth.S3SigV4QueryAuth(credentials, "s3", line["region"], expires=line["expires_in"])
    signer.add_auth(request)
    return request.prepare().url


def test_random_requests_are_signed_as_by_botocore():
    seeded = random.Random(20260102)
    lines = [line_of(seeded) for _ in range(REQUESTS)]
    same(presign(lines), [by_botocore(line) for line in lines], lines)


def test_the_addresses_of_aws_are_those_of_botocore():
    session = botocore.session.Session()
    session.set_credentials("AKID", "secret")
    lines, theirs = [], []
    for region in ["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1"]:
        for style in ["virtual", "path"]:
            config = Config(signature_version="s3v4", s3={"addressing_style": style})
            client = session.create_client("s3", region_name=region, config=config)
            parameters = {"Bucket": "photos", "Key": "a b/~+é"}
            theirs.append(client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=60))
            lines.append({
                "provider": "s3", "method": "GET", "region": region, "bucket": "photos", "key": "a b/~+é",
                "style": style, "access_key": "AKID", "secret_key": "secret", "at": "20260102T030405Z",
                "expires_in": 60, "headers": [], "query": [],
            })
    same(presign(lines), theirs, lines)


def test_dot_segments_are_refused_unless_they_are_asked_for():
    seeded = random.Random(1)
    line = line_of(seeded) | {"key": "x/../y", "method": "GET"}
    refused, allowed = presign([line, line | {"allow_dot_segments": True}])
    assert "segment" in refused["error"]
    assert "/x/../y?" in allowed["url"]


def test_a_bad_line_gets_its_reason_and_the_stream_goes_on():
    seeded = random.Random(2)
    good = line_of(seeded)
    bad = [{}, {"provider": "ftp"}, good | {"expires_in": 0}, good | {"at": "now"}, good | {"keys": "typo"}]
    answers = presign([good, *bad, good])
    assert answers[0] == answers[-1] and "url" in answers[0]
    assert all(list(answer) == ["error"] and answer["error"] for answer in answers[1:-1]), answers
