"""Thousands of random requests, signed by botocore and by `valetkey presign --jsonl`: not a byte may differ."""

import datetime
import json
import random
import subprocess
from urllib.parse import quote, urlsplit

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.session
import pytest
from botocore.config import Config

from presign import PRINTABLE, conditions, key, presign, same, text
from service import BINARY

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
    # The default port is not sent, and so not signed.
    port = random.choice(["", ":9000", ":443", ":80"])
    base = random.choice(["", "", "/base/path"])
    host = "[::1]" if style != "virtual" and random.random() < 0.1 else "storage.example.com"
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
    url = request.prepare().url
    default = {"http": ":80/", "https": ":443/"}[scheme]
    return url.replace(default, "/", 1) if urlsplit(url).netloc.endswith(default[:-1]) else url


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


def test_the_other_hosts_of_aws_are_those_of_botocore():
    session = botocore.session.Session()
    session.set_credentials("AKID", "secret")
    lines, theirs = [], []
    for region, origin, options in [
        ("us-east-1", "https://s3.us-east-1.amazonaws.com", {"us_east_1_regional_endpoint": "regional"}),
        ("eu-central-1", "https://s3.dualstack.eu-central-1.amazonaws.com", {"use_dualstack_endpoint": True}),
        ("eu-central-1", "https://s3-accelerate.amazonaws.com", {"use_accelerate_endpoint": True}),
        ("eu-central-1", "https://s3-accelerate.dualstack.amazonaws.com",
         {"use_accelerate_endpoint": True, "use_dualstack_endpoint": True}),
    ]:
        for bucket, key in [("photos", "a b/~+é"), ("p-1", "/a//")]:
            config = Config(signature_version="s3v4", s3={"addressing_style": "virtual"} | options)
            client = session.create_client("s3", region_name=region, config=config)
            theirs.append(client.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": key}))
            lines.append({
                "provider": "s3", "method": "PUT", "endpoint": origin, "region": region, "bucket": bucket, "key": key,
                "style": "virtual", "access_key": "AKID", "secret_key": "secret", "at": "20260102T030405Z",
                "expires_in": 3600, "headers": [], "query": [],
            })
    same(presign(lines), theirs, lines)


def test_random_forms_are_signed_as_by_botocore():
    seeded = random.Random(4)
    names = ["Content-Type", "acl", "x-amz-meta-a", "success_action_status", "Cache-Control"]
    lines = []
    for _ in range(2_000):
        line = line_of(seeded) | {"method": "POST", "headers": [], "query": []}
        fields = [[name, text(seeded, 0, 12, PRINTABLE)] for name in seeded.sample(names, seeded.randint(0, 3))]
        sizes = seeded.choice([None, [0, 5_368_709_120], [seeded.randint(0, 9), seeded.randint(9, 999)]])
        lines.append(line | {"form": {"fields": fields, "content_length": sizes}})
    for answer, line in zip(presign(lines), lines, strict=True):
        assert "fields" in answer, (answer, line)
        fields, form = answer["fields"], line["form"]
        credentials = botocore.credentials.Credentials(line["access_key"], line["secret_key"], line["session_token"])
        signer = botocore.auth.S3SigV4PostAuth(credentials, "s3", line["region"])
        request = botocore.awsrequest.AWSRequest(method="POST", url=answer["url"])
        theirs = [{"bucket": line["bucket"]}, {"key": line["key"]}, *({name: value} for name, value in form["fields"])]
        if form["content_length"]:
            theirs.append(["content-length-range", *form["content_length"]])
        end = (AT + datetime.timedelta(seconds=line["expires_in"])).strftime("%Y-%m-%dT%H:%M:%SZ")
        request.context["s3-presign-post-policy"] = {"expiration": end, "conditions": theirs}
        signer.add_auth(request)
        made = request.context["s3-presign-post-fields"]
        assert conditions(fields["policy"]) == conditions(made.pop("policy")), line
        made["x-amz-signature"] = signer.signature(fields["policy"], request)
        sent = {"key": line["key"], "policy": fields["policy"], **dict(form["fields"]), **made}
        assert fields == sent, line


def test_dot_segments_are_refused_unless_they_are_asked_for():
    seeded = random.Random(1)
    line = line_of(seeded) | {"key": "x/../y", "method": "GET"}
    refused, allowed = presign([line, line | {"allow_dot_segments": True}])
    assert "segment" in refused["error"]
    assert "/x/../y?" in allowed["url"]


def test_a_bad_line_gets_its_reason_and_the_stream_goes_on():
    seeded = random.Random(2)
    good = line_of(seeded)
    bad = [
        {}, {"provider": "ftp"}, good | {"expires_in": 0}, good | {"at": "now"}, good | {"keys": "typo"},
        good | {"key": ""}, good | {"headers": [["host", "a"]]}, good | {"headers": [["a", "b\nhost:c"]]},
        good | {"query": [["X-Amz-Date", ""]]}, good | {"bucket": "a/b"}, good | {"endpoint": "https://u:p@h"},
        good | {"region": "auto", "endpoint": None}, good | {"access_key": "a/b"},
        good | {"form": {"fields": []}, "key": "${filename}", "method": "POST", "headers": [], "query": []},
    ]
    answers = presign([good, *bad, good])
    assert answers[0] == answers[-1] and "url" in answers[0]
    assert all(list(answer) == ["error"] and answer["error"] for answer in answers[1:-1]), answers


def test_what_is_no_text_is_refused_and_null_is_absent():
    seeded = random.Random(3)
    good = line_of(seeded) | {"session_token": None, "endpoint": None, "style": "virtual", "bucket": "photos"}
    absent = {name: value for name, value in good.items() if value is not None}
    # A half of a pair is no character, and what is no UTF-8 is no text.
    half = json.dumps(good | {"key": "\ud800"}).encode()
    bytes_ = json.dumps(good | {"key": "A"}).encode().replace(b'"A"', b'"\xff"')
    twice = json.dumps(good).encode().replace(b'"bucket"', b'"key": "other", "bucket"')
    lines = [json.dumps(good).encode(), half, bytes_, twice, b"", b"[]", json.dumps(absent).encode()]
    done = subprocess.run([BINARY, "presign", "--jsonl"], input=b"\n".join(lines), stdout=subprocess.PIPE, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(lines)
    assert answers[0] == answers[-1] and "url" in answers[0]
    assert all(list(answer) == ["error"] for answer in answers[1:-1]), answers
