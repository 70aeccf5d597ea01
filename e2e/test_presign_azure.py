"""Thousands of random grants, signed by azure-storage-blob and by `valetkey presign --jsonl`."""

import base64
import random

from azure.storage.blob import UserDelegationKey, generate_blob_sas, generate_container_sas
from azure.storage.blob._shared.constants import X_MS_VERSION
from azure.storage.filedatalake import generate_directory_sas

from presign import PRINTABLE, key, presign, query, text

REQUESTS = 2_000
OVERRIDES = ["cache_control", "content_disposition", "content_encoding", "content_language", "content_type"]


def line_of(random):
    secret = base64.b64encode(random.randbytes(random.randint(1, 90))).decode()
    line = {
        "provider": "azure",
        "account": random.choice(["myaccount", "devstoreaccount1"]),
        "container": random.choice(["photos", "a-b-c", "$web"]),
        "blob": key(random),
        "permissions": random.choice(["r", "c", "w", "rcw", "racwdxyltfmeopi"]),
        "start": random.choice([None, "2026-01-02T03:04:05Z", "2026-01-02"]),
        "expiry": random.choice(["2026-02-02T03:04:05Z", "2026-02-02T03:04Z"]),
        "ip": random.choice([None, "10.0.0.1", "10.0.0.1-10.0.0.9"]),
        "protocol": random.choice([None, "https", "https,http"]),
        "version": X_MS_VERSION,
        "endpoint": random.choice([None, "http://127.0.0.1:10000/devstoreaccount1"]),
        "overrides": {name: text(random, 1, 15, PRINTABLE) for name in random.sample(OVERRIDES, random.randint(0, 3))},
    }
    if random.random() < 0.5:
        return line | {"account_key": secret}
    return line | {
        "user_delegation_key": {
            "signed_oid": text(random, 1, 36, "0123456789abcdef-"), "signed_tid": "tid-2", "signed_start": "2026-01-01T00:00:00Z",
            "signed_expiry": "2026-01-07T00:00:00Z", "signed_service": "b", "signed_version": "2024-11-04",
            "signed_delegated_user_tid": random.choice([None, "tid-3"]), "value": secret,
        }
    }


def options(line):
    delegated = None
    if "user_delegation_key" in line:
        delegated = UserDelegationKey()
        for name, value in line["user_delegation_key"].items():
            setattr(delegated, name, value)
    return {
        "account_key": line.get("account_key"),
        "user_delegation_key": delegated,
        "permission": line["permissions"],
        "start": line["start"],
        "expiry": line["expiry"],
        "ip": line["ip"],
        "protocol": line["protocol"],
        **line["overrides"],
    }


def same(ours, theirs, lines):
    for answer, other, line in zip(ours, theirs, lines, strict=True):
        assert "url" in answer, (answer, line)
        assert sorted(query(answer["url"])) == sorted(query("?" + other)), line


def test_random_blobs_are_signed_as_by_azure():
    seeded = random.Random(20260102)
    lines = [line_of(seeded) for _ in range(REQUESTS)]
    theirs = [
        generate_blob_sas(line["account"], line["container"], line["blob"], **options(line)) for line in lines
    ]
    same(presign(lines), theirs, lines)


def test_containers_are_signed_as_by_azure():
    seeded = random.Random(5)
    lines = [line_of(seeded) | {"blob": None} for _ in range(300)]
    theirs = [
        generate_container_sas(line["account"], line["container"], **options(line)) for line in lines
    ]
    same(presign(lines), theirs, lines)


def test_directories_are_signed_as_by_azures_data_lake():
    seeded = random.Random(6)
    lines, theirs = [], []
    for _ in range(300):
        line = line_of(seeded) | {"blob": None, "directory": seeded.choice(["a", "a/b", "a b/ñ/c+d", "/".join("abcdefgh")])}
        other = options(line)
        credential = other.pop("account_key") or other.pop("user_delegation_key")
        other.pop("user_delegation_key", None)
        lines.append(line)
        theirs.append(generate_directory_sas(
            line["account"], line["container"], line["directory"], credential, **other
        ))
    same(presign(lines), theirs, lines)


def test_the_url_names_the_blob_byte_for_byte():
    line = line_of(random.Random(8)) | {"endpoint": None, "blob": "a//b c/é+%2F~"}
    (answer,) = presign([line])
    base = f"https://{line['account']}.blob.core.windows.net/{line['container']}"
    assert answer["url"].startswith(f"{base}/a//b%20c/%C3%A9%2B%252F~?sv=")


def test_names_that_azure_would_read_otherwise_are_refused():
    line = line_of(random.Random(9)) | {"blob": None}
    bad = [{"blob": name} for name in ["", "..", "a/./b", "a\nb", "a\r"]]
    bad += [{"directory": name} for name in ["", "a/", "/a", "a//b", ".."]]
    bad += [{"container": "A"}, {"account": "a.b"}, {"blob": "a", "directory": "b"}, {"ip": "::1"}, {"version": "new"}]
    bad += [{"expiry": "soon"}, {"protocol": "http"}, {"permissions": ""}, {"account_key": "?"}]
    answers = presign([line | more for more in bad])
    assert all(list(answer) == ["error"] and answer["error"] for answer in answers), answers
