"""A bucket that keeps versions, at storage by other hands: what is deleted is gone with all it ever was."""

import boto3
import pytest
from botocore.config import Config

from deployed import Serving
from engines import seaweedfs
from service import Api, hs256, send

SECRET = "a secret of at least thirty-two bytes for tests"


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    """SeaweedFS with one bucket, `files`, that keeps versions."""
    engine = seaweedfs(tmp_path_factory.mktemp("weed"), "tests", "tests-secret")
    client = boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{engine.port}", region_name="us-east-1", aws_access_key_id="tests",
        aws_secret_access_key="tests-secret", config=Config(retries={"total_max_attempts": 10}),
    )
    client.create_bucket(Bucket="files")
    client.put_bucket_versioning(Bucket="files", VersioningConfiguration={"Status": "Enabled"})
    yield client
    engine.stop()


@pytest.fixture
def api(bucket, tmp_path):
    config = f"""
        listen = "127.0.0.1:0"
        metrics_listen = "127.0.0.1:0"
        catalog = "sqlite:{tmp_path}/catalog.sqlite"
        [auth]
        secret = "{SECRET}"
        issuer = "app"
        audience = "valetkey"
        [buckets.files]
        provider = "s3"
        endpoint = "{bucket.meta.endpoint_url}"
        access_key_id = "tests"
        secret_access_key = "tests-secret"
        [buckets.files.rules]
        single_limit = 1048576
        part_size = 5242880
    """
    with Serving(tmp_path, config) as service:
        yield Api(service.url, hs256(SECRET))


def versions(bucket, key):
    """Every version and every marker of one key."""
    listed = bucket.list_object_versions(Bucket="files", Prefix=key)
    return [one["VersionId"] for kind in ("Versions", "DeleteMarkers") for one in listed.get(kind, [])]


def test_a_deleted_file_leaves_no_version_behind(api, bucket):
    upload = api.created()
    assert send(upload["request"], b"hello").ok
    assert api.complete(upload["id"]).status == 200
    key = api.call("GET", f"/v1/files/{upload['id']}").json["key"]
    # Somebody else with access to the bucket wrote there, and deleted it: two versions and a marker.
    bucket.put_object(Bucket="files", Key=key, Body=b"again")
    bucket.delete_object(Bucket="files", Key=key)
    assert len(versions(bucket, key)) == 3
    assert api.call("DELETE", f"/v1/files/{upload['id']}").status == 204
    assert versions(bucket, key) == []
