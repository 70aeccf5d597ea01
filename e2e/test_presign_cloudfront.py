"""Thousands of random URLs, signed by botocore's CloudFront signer and by `valetkey presign --jsonl`."""

import base64
import datetime
import json
import random
from pathlib import Path

from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

from presign import parts, presign, query, text

REQUESTS = 2_000
KEYS = Path(__file__).parent.parent / "crates/sign/tests/keys"
RSA = (KEYS / "rsa.pem").read_text()
ECDSA = (KEYS / "ecdsa.pem").read_text()
HASHES = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}
URL_LETTERS = "abcXYZ019-._~/+%=()'*!:@,;$"


def line_of(random):
    host = random.choice(["d111111abcdef8.cloudfront.net", "cdn.example.com"])
    url = f"https://{host}/{text(random, 0, 40, URL_LETTERS)}"
    if random.random() < 0.4:
        url += f"?size={text(random, 0, 10, URL_LETTERS)}&color=red"
    line = {
        "provider": "cloudfront", "url": url, "key_pair_id": "K2JCJMDEHXQW5F", "private_key": RSA,
        "hash": random.choice([None, "sha1", "sha256"]),
    }
    if random.random() < 0.5:
        return line | {"expires": random.randint(1, 4_000_000_000)}
    policy = CloudFrontSigner(None, None).build_policy(
        random.choice([url, "https://*", url + "*"]),
        datetime.datetime.fromtimestamp(random.randint(1, 4_000_000_000), datetime.timezone.utc),
        date_greater_than=random.choice([None, datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)]),
        ip_address=random.choice([None, "192.0.2.1", "192.0.2.0/24"]),
    )
    return line | {"policy": policy}


def by_botocore(line, key):
    algorithm = HASHES[line["hash"] or "sha1"]
    signer = CloudFrontSigner(line["key_pair_id"], lambda message: key.sign(message, padding.PKCS1v15(), algorithm))
    if "policy" in line:
        url = signer.generate_presigned_url(line["url"], policy=line["policy"])
    else:
        at = datetime.datetime.fromtimestamp(line["expires"], datetime.timezone.utc)
        url = signer.generate_presigned_url(line["url"], date_less_than=at)
    # CloudFront takes SHA-1 unless it is told; botocore leaves that to the caller.
    return url + ("&Hash-Algorithm=SHA256" if line["hash"] == "sha256" else "")


def test_random_urls_are_signed_as_by_botocore():
    seeded = random.Random(20260102)
    key = serialization.load_pem_private_key(RSA.encode(), None)
    lines = [line_of(seeded) for _ in range(REQUESTS)]
    for answer, line in zip(presign(lines), lines, strict=True):
        assert "url" in answer, (answer, line)
        assert answer["url"] == by_botocore(line, key), line


def decode(text):
    return base64.b64decode(text.replace("-", "+").replace("_", "=").replace("~", "/"))


def test_ecdsa_signatures_and_cookies_hold():
    seeded = random.Random(9)
    public = serialization.load_pem_private_key(ECDSA.encode(), None).public_key()
    lines = [line_of(seeded) | {"private_key": ECDSA} for _ in range(200)]
    cookies = presign([line | {"cookies": True} for line in lines])
    for answer, cookie, line in zip(presign(lines), cookies, lines, strict=True):
        policy = line.get("policy") or CloudFrontSigner(None, None).build_policy(
            line["url"], datetime.datetime.fromtimestamp(line["expires"], datetime.timezone.utc)
        )
        algorithm = ec.ECDSA(HASHES[line["hash"] or "sha1"])
        public.verify(decode(dict(query(answer["url"]))["Signature"]), policy.encode(), algorithm)
        public.verify(decode(cookie["cookies"]["CloudFront-Signature"]), policy.encode(), algorithm)
        assert cookie["cookies"]["CloudFront-Key-Pair-Id"] == line["key_pair_id"]
        if "policy" in line:
            assert json.loads(decode(cookie["cookies"]["CloudFront-Policy"])) == json.loads(line["policy"])


def test_urls_that_would_not_arrive_as_signed_are_refused():
    line = line_of(random.Random(10)) | {"policy": None, "expires": 1}
    urls = ["https://a/b c", "https://a/é", 'https://a/"', "https://a/?Expires=1", "https://a/#b", "https://a/\\b", ""]
    answers = presign([line | {"url": url} for url in urls])
    assert all("error" in answer for answer in answers), answers
    assert parts(presign([line])[0]["url"])[0] == "https"
