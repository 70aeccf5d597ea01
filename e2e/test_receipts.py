"""The examples that verify receipts, as applications run them: with other people's libraries, beside a running service."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from service import ROOT

EXAMPLES = ROOT / "examples/receipts"
PROGRAMS = {
    "python": [sys.executable, EXAMPLES / "verify.py"],
    "node": ["node", EXAMPLES / "verify.mjs"],
}


@pytest.fixture(params=PROGRAMS)
def program(request):
    return PROGRAMS[request.param]


@pytest.fixture(scope="module")
def proof(shared, tmp_path_factory):
    """A file, its receipt, and the service's keys in a file."""
    folder = tmp_path_factory.mktemp("receipts")
    (folder / "a.txt").write_bytes(b"hello")
    [file] = shared.put(folder / "a.txt")
    keys = folder / "jwks.json"
    keys.write_text(requests.get(shared.info["api"] + "/.well-known/jwks.json", timeout=10).text)
    return file, keys, shared.info["api"]


def run(program, receipt, keys, issuer):
    return subprocess.run([*program, receipt, keys, issuer], capture_output=True, text=True, timeout=60)


def encode(data) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode(part: str) -> dict:
    return json.loads(base64.urlsafe_b64decode(part + "=="))


def test_an_example_verifies_a_receipt(program, proof):
    file, keys, issuer = proof
    result = run(program, file["receipt"], keys, issuer)
    assert result.returncode == 0, result.stderr
    claims = json.loads(result.stdout)
    for name in ("id", "bucket", "key", "size", "checksum", "integrity", "content_type", "etag"):
        assert claims[name] == file[name], name
    assert claims["sub"] == file["owner"]


def forgeries(receipt: str, keys: dict, key):
    """Receipts that the service never signed, and something of its key that is no receipt."""
    header, claims, signature = receipt.split(".")
    said = decode(claims)
    kid, public = keys["keys"][0]["kid"], base64.urlsafe_b64decode(keys["keys"][0]["x"] + "=")
    yield "a changed claim", f"{header}.{encode(said | {'sub': 'mallory'})}.{signature}"
    yield "no algorithm", f"{encode({'alg': 'none', 'typ': 'receipt+jwt', 'kid': kid})}.{claims}."
    confused = f"{encode({'alg': 'HS256', 'typ': 'receipt+jwt', 'kid': kid})}.{claims}"
    mac = hmac.new(public, confused.encode(), hashlib.sha256).digest()
    yield "an HMAC with the public key", f"{confused}.{encode(mac)}"
    other = Ed25519PrivateKey.generate()
    yield "another key", f"{header}.{claims}.{encode(other.sign(f'{header}.{claims}'.encode()))}"
    unknown = f"{encode(decode(header) | {'kid': 'unknown'})}.{claims}"
    yield "an unknown key", f"{unknown}.{encode(other.sign(unknown.encode()))}"
    token = f"{encode(decode(header) | {'typ': 'JWT'})}.{claims}"
    yield "another type", f"{token}.{encode(key.sign(token.encode()))}"


def test_an_example_refuses_what_was_not_signed(program, proof, shared):
    file, keys, issuer = proof
    key = load_pem_private_key((shared.data_dir / "receipt-key.pem").read_bytes(), None)
    for name, forged in forgeries(file["receipt"], json.loads(keys.read_text()), key):
        result = run(program, forged, keys, issuer)
        assert result.returncode != 0 and result.stdout == "", name
    assert run(program, file["receipt"], keys, "https://files.example.com").returncode != 0
