"""The embedded store as other people's clients see it: boto3 and s5cmd, at their default settings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from service import MIB, make_file, sha256

S5CMD = Path(sys.executable).parent / "s5cmd"


@pytest.fixture
def bucket(shared):
    return shared.info["store"]["bucket"]


def keys(s3, bucket, prefix):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def test_boto3_puts_gets_heads_and_deletes(s3, bucket):
    key = "boto3/with space & ünïcode + 😀.txt"
    put = s3.put_object(
        Bucket=bucket, Key=key, Body=b"hello", ContentType="text/plain", Metadata={"album": "one"}
    )
    got = s3.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == b"hello"
    assert (got["ContentType"], got["Metadata"]) == ("text/plain", {"album": "one"})
    head = s3.head_object(Bucket=bucket, Key=key)
    assert (head["ContentLength"], head["ETag"]) == (5, put["ETag"])
    assert s3.get_object(Bucket=bucket, Key=key, Range="bytes=1-3")["Body"].read() == b"ell"
    s3.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=bucket, Key=key)


def test_boto3_lists_in_order_and_by_folder(s3, bucket):
    for key in ("list/b", "list/a", "list/a/c", "list/z/1", "list/z/2"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    assert keys(s3, bucket, "list/") == ["list/a", "list/a/c", "list/b", "list/z/1", "list/z/2"]
    answer = s3.list_objects_v2(Bucket=bucket, Prefix="list/", Delimiter="/")
    assert [entry["Key"] for entry in answer["Contents"]] == ["list/a", "list/b"]
    assert [entry["Prefix"] for entry in answer["CommonPrefixes"]] == ["list/a/", "list/z/"]
    page = s3.list_objects_v2(Bucket=bucket, Prefix="list/", MaxKeys=2)
    rest = s3.list_objects_v2(
        Bucket=bucket, Prefix="list/", ContinuationToken=page["NextContinuationToken"]
    )
    assert page["KeyCount"] + rest["KeyCount"] == 5


def test_boto3_moves_large_files_in_parts(s3, bucket, tmp_path):
    original = make_file(tmp_path / "large.bin", 20 * MIB + 7)
    s3.upload_file(str(original), bucket, "boto3/large.bin")
    s3.download_file(bucket, "boto3/large.bin", str(tmp_path / "back"))
    assert sha256(tmp_path / "back") == sha256(original)
    assert s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


def test_boto3_copies_and_aborts(s3, bucket):
    s3.put_object(Bucket=bucket, Key="boto3/source", Body=b"source")
    s3.copy_object(Bucket=bucket, Key="boto3/copy", CopySource=f"{bucket}/boto3/source")
    assert s3.get_object(Bucket=bucket, Key="boto3/copy")["Body"].read() == b"source"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="boto3/never")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="boto3/never", UploadId=upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(Bucket=bucket, Key="boto3/never", UploadId=upload)
    assert "boto3/never" not in keys(s3, bucket, "boto3/")


def test_a_wrong_secret_opens_nothing(s3, shared, bucket):
    import boto3

    store = shared.info["store"]
    stranger = boto3.client(
        "s3",
        endpoint_url=store["endpoint"],
        region_name=store["region"],
        aws_access_key_id=store["access_key"],
        aws_secret_access_key="not the secret",
    )
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        stranger.put_object(Bucket=bucket, Key="boto3/stranger", Body=b"x")
    assert "boto3/stranger" not in keys(s3, bucket, "boto3/")


@pytest.fixture
def s5cmd(shared):
    store = shared.info["store"]
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": store["access_key"],
        "AWS_SECRET_ACCESS_KEY": store["secret_key"],
        "AWS_REGION": store["region"],
        "S3_ENDPOINT_URL": store["endpoint"],
    }

    def run(*arguments):
        result = subprocess.run(
            [S5CMD, *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=120
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


def test_s5cmd_copies_there_and_back(s5cmd, bucket, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, size in enumerate((0, 1, 1000, 60 * MIB)):
        make_file(folder / f"{number}.bin", size)
    s5cmd("cp", f"{folder}/", f"s3://{bucket}/s5cmd/")
    listing = s5cmd("ls", f"s3://{bucket}/s5cmd/")
    assert [line.split()[-1] for line in listing.splitlines()] == [f"{n}.bin" for n in range(4)]
    s5cmd("cp", f"s3://{bucket}/s5cmd/*", f"{tmp_path}/back/")
    for number in range(4):
        assert sha256(tmp_path / "back" / f"{number}.bin") == sha256(folder / f"{number}.bin")


def test_s5cmd_moves_shows_and_removes(s5cmd, bucket, tmp_path):
    (tmp_path / "note").write_text("hello")
    s5cmd("cp", tmp_path / "note", f"s3://{bucket}/s5cmd-mv/from")
    s5cmd("mv", f"s3://{bucket}/s5cmd-mv/from", f"s3://{bucket}/s5cmd-mv/to")
    assert s5cmd("cat", f"s3://{bucket}/s5cmd-mv/to") == "hello"
    assert "from" not in s5cmd("ls", f"s3://{bucket}/s5cmd-mv/")
    s5cmd("rm", f"s3://{bucket}/s5cmd-mv/*")
    assert s5cmd("du", f"s3://{bucket}/s5cmd-mv/*").startswith("0 bytes")
