"""Other people's S3 clients, each behind the same few verbs; at their default settings but where it says so."""

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
from botocore.config import Config

from service import MIB

BIN = Path(sys.executable).parent


class Boto3:
    """The AWS SDK for Python; `style` is how it writes the bucket into URLs (auto, path, virtual)."""

    def __init__(self, store, folder, style="auto"):
        self.bucket = store["bucket"]
        self.client = boto3.client(
            "s3",
            endpoint_url=store["endpoint"],
            region_name=store["region"],
            aws_access_key_id=store["access_key"],
            aws_secret_access_key=store["secret_key"],
            config=Config(s3={"addressing_style": style}),
        )

    def put(self, path, key):
        self.client.upload_file(str(path), self.bucket, key)

    def get(self, key, path):
        self.client.download_file(self.bucket, key, str(path))

    def list(self, prefix):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def copy(self, source, target):
        self.client.copy({"Bucket": self.bucket, "Key": source}, self.bucket, target)

    def delete(self, key):
        self.client.delete_object(Bucket=self.bucket, Key=key)

    def presign(self, key):
        # Unless told otherwise it signs URLs for us-east-1 with version 2, which the store refuses.
        config = self.client.meta.config.merge(Config(signature_version="s3v4"))
        credentials = self.client._request_signer._credentials
        signer = boto3.client(
            "s3",
            endpoint_url=self.client.meta.endpoint_url,
            region_name=self.client.meta.region_name,
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            config=config,
        )
        return signer.generate_presigned_url("get_object", {"Bucket": self.bucket, "Key": key}, ExpiresIn=60)


class Command:
    """A program of the virtual environment, run with the store's key."""

    def __init__(self, store, folder):
        self.store = store
        self.bucket = store["bucket"]
        self.folder = Path(folder)
        self.environment = {
            **os.environ,
            "HOME": str(folder),
            "AWS_ACCESS_KEY_ID": store["access_key"],
            "AWS_SECRET_ACCESS_KEY": store["secret_key"],
            "AWS_REGION": store["region"],
            "AWS_DEFAULT_REGION": store["region"],
            "AWS_ENDPOINT_URL": store["endpoint"],
            "S3_ENDPOINT_URL": store["endpoint"],
        }

    def run(self, program, *arguments):
        command = [BIN / program, *map(str, arguments)]
        result = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120)
        assert result.returncode == 0, f"{arguments}: {result.stdout}{result.stderr}"
        return result.stdout

    def url(self, key):
        return f"s3://{self.bucket}/{key}"


class S5cmd(Command):
    def put(self, path, key):
        self.run("s5cmd", "cp", path, self.url(key))

    def get(self, key, path):
        self.run("s5cmd", "cp", self.url(key), path)

    def list(self, prefix):
        lines = self.run("s5cmd", "--json", "ls", self.url(prefix) + "*").splitlines()
        return [json.loads(line)["key"].removeprefix(f"s3://{self.bucket}/") for line in lines]

    def copy(self, source, target):
        self.run("s5cmd", "cp", self.url(source), self.url(target))

    def delete(self, key):
        self.run("s5cmd", "rm", self.url(key))

    def presign(self, key):
        return self.run("s5cmd", "presign", "--expire", "1m", self.url(key)).strip()


class AwsCli(Command):
    def __init__(self, store, folder):
        super().__init__(store, folder)
        # As boto3: without this it presigns with version 2.
        settings = self.folder / "aws-config"
        settings.write_text("[default]\ns3 =\n    signature_version = s3v4\n")
        self.environment["AWS_CONFIG_FILE"] = str(settings)

    def put(self, path, key):
        self.run("aws", "s3", "cp", path, self.url(key))

    def get(self, key, path):
        self.run("aws", "s3", "cp", self.url(key), path)

    def list(self, prefix):
        found = json.loads(self.run(
            "aws", "s3api", "list-objects-v2", "--output", "json", "--bucket", self.bucket, "--prefix", prefix
        ) or "{}")
        return [entry["Key"] for entry in found.get("Contents", [])]

    def copy(self, source, target):
        self.run("aws", "s3", "cp", self.url(source), self.url(target))

    def delete(self, key):
        self.run("aws", "s3", "rm", self.url(key))

    def presign(self, key):
        return self.run("aws", "s3", "presign", self.url(key), "--expires-in", 60).strip()


class Rclone(Command):
    def __init__(self, store, folder):
        super().__init__(store, folder)
        self.environment |= {
            "RCLONE_CONFIG": str(self.folder / "none.conf"),
            "RCLONE_CONFIG_STORE_TYPE": "s3",
            "RCLONE_CONFIG_STORE_PROVIDER": "Other",
            "RCLONE_CONFIG_STORE_ENV_AUTH": "true",
            "RCLONE_CONFIG_STORE_ENDPOINT": store["endpoint"],
            "RCLONE_CONFIG_STORE_REGION": store["region"],
            # The default sends files up to 200 MiB in one piece.
            "RCLONE_S3_UPLOAD_CUTOFF": "8Mi",
        }

    def url(self, key):
        return f"store:{self.bucket}/{key}"

    def put(self, path, key):
        self.run("rclone", "copyto", path, self.url(key))

    def get(self, key, path):
        self.run("rclone", "copyto", self.url(key), path)

    def list(self, prefix):
        lines = self.run("rclone", "lsf", "--recursive", self.url(prefix.rstrip("/"))).splitlines()
        return [prefix + line for line in lines if not line.endswith("/")]

    def copy(self, source, target):
        self.run("rclone", "copyto", self.url(source), self.url(target))

    def delete(self, key):
        self.run("rclone", "deletefile", self.url(key))

    def presign(self, key):
        return self.run("rclone", "link", "--expire", "1m", self.url(key)).strip()


class S3cmd(Command):
    def __init__(self, store, folder):
        super().__init__(store, folder)
        host = store["endpoint"].removeprefix("http://")
        self.settings = self.folder / "s3cfg"
        # The bucket in the path: host_bucket names none.
        self.settings.write_text(
            f"[default]\naccess_key = {store['access_key']}\nsecret_key = {store['secret_key']}\n"
            f"host_base = {host}\nhost_bucket = {host}\nuse_https = False\n"
        )

    def s3cmd(self, *arguments):
        return self.run("s3cmd", "-c", self.settings, "--no-progress", *arguments)

    def put(self, path, key):
        self.s3cmd("put", path, self.url(key))

    def get(self, key, path):
        self.s3cmd("get", self.url(key), path)

    def list(self, prefix):
        lines = self.s3cmd("ls", "--recursive", self.url(prefix)).splitlines()
        return [line.split(f"s3://{self.bucket}/", 1)[1] for line in lines]

    def copy(self, source, target):
        self.s3cmd("cp", self.url(source), self.url(target))

    def delete(self, key):
        self.s3cmd("del", self.url(key))

    # Its `signurl` writes version 2 of the signature only, which the store refuses as new regions of S3 do.
    presign = None


TOOLS = {
    "boto3": Boto3,
    "boto3-path": lambda store, folder: Boto3(store, folder, "path"),
    "boto3-virtual": lambda store, folder: Boto3(store, folder, "virtual"),
    "s5cmd": S5cmd,
    "awscli": AwsCli,
    "rclone": Rclone,
    "s3cmd": S3cmd,
}
# More than any of them sends in one piece (s5cmd: 50 MiB).
LARGE = 55 * MIB + 7
