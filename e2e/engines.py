"""Storage by other hands, started for a test: SeaweedFS and Azurite. What cannot be started fails the test."""

import json
import random
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from service import ROOT

# The role that gives temporary credentials for everything.
ROLE = "arn:aws:iam::role/everything"

# What SeaweedFS takes for its own name: below it, the host names the bucket.
DOMAIN = "storage.test"

AZURITE = ROOT / "target" / "azurite" / "node_modules" / ".bin" / "azurite-blob"


ROLES = {
    "sts": {"tokenDuration": "1h", "issuer": "tests", "signingKey": "YSBrZXkgdGhhdCBzaWducyB0b2tlbnMgb2YgdGVzdHM="},
    "policy": {"defaultEffect": "Deny", "storeType": "memory"},
    "policies": [{"name": "everything", "document": {
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"]}],
    }}],
    "roles": [{
        "roleName": ROLE.rpartition("/")[2], "roleArn": ROLE, "attachedPolicies": ["everything"],
        "trustPolicy": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["sts:AssumeRole"]},
        ]},
    }],
}


class Engine:
    """A process that listens on this machine."""

    def __init__(self, command, log, port):
        self.log = log
        self.port = port
        self.process = subprocess.Popen(
            [str(part) for part in command], stdout=subprocess.DEVNULL, stderr=log.open("w"),
        )
        deadline = time.monotonic() + 60
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"{command[0]} does not start: {log.read_text()[-2000:]}")
            time.sleep(0.1)

    def stop(self):
        # Nothing it keeps is of any worth, and SeaweedFS takes its time to say goodbye.
        self.process.kill()
        self.process.wait()


def free_ports(count):
    """The first of some consecutive ports that nobody listens on."""
    while True:
        first = random.randrange(20_000, 30_000)
        if all(socket.socket().connect_ex(("127.0.0.1", first + number)) for number in range(count)):
            return first


def seaweedfs(folder, access_key, secret_key):
    """SeaweedFS, with its S3 on `port`."""
    port = free_ports(9)
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [{
        "name": "tests", "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }]}))
    roles = folder / "iam.json"
    roles.write_text(json.dumps(ROLES))
    (folder / "data").mkdir()
    weed = Path(sys.executable).parent / "weed"
    return Engine([
        weed, "-logtostderr=true", "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        "-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=20", f"-master.port={port + 1}",
        f"-master.port.grpc={port + 2}", f"-volume.port={port + 3}", f"-volume.port.grpc={port + 4}", "-filer",
        f"-filer.port={port + 5}", f"-filer.port.grpc={port + 6}", "-s3", f"-s3.port={port}",
        f"-s3.port.grpc={port + 7}", "-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={config}", f"-s3.domainName={DOMAIN}",
        f"-s3.iam.config={roles}",
    ], folder / "log", port)


def azurite(folder, certificate=None):
    """Azurite's blob service, with its documented account and key; with a certificate and its key over TLS, where it
    takes any token of Microsoft Entra that is in date."""
    assert AZURITE.exists(), "Azurite is missing: scripts/test installs it below target/"
    node = shutil.which("node")
    assert node, "node is missing: scripts/test installs it"
    port = free_ports(1)
    tls = ["--oauth", "basic", "--cert", certificate[0], "--key", certificate[1]] if certificate else []
    return Engine([
        node, AZURITE, "--silent", "--disableTelemetry", "--skipApiVersionCheck", "--blobHost", "127.0.0.1",
        "--blobPort", port, "--location", folder / "data", *tls,
    ], folder / "log", port)
