"""Verifies a webhook with Python alone: verify.py SECRET ID TIMESTAMP SIGNATURE < BODY"""

import base64
import hashlib
import hmac
import json
import sys
import time


def verify(secret: str, headers, body: bytes) -> dict:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    name, sent = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(sent)) > 300:
        raise ValueError("it is too old, or from the future")
    tag = hmac.new(key, f"{name}.{sent}.".encode() + body, hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(tag).decode()
    # While a secret is changed there are two.
    if not any(hmac.compare_digest(expected, one) for one in headers["webhook-signature"].split(" ")):
        raise ValueError("its signature does not hold")
    return json.loads(body)


if __name__ == "__main__":
    names = ["webhook-id", "webhook-timestamp", "webhook-signature"]
    print(json.dumps(verify(sys.argv[1], dict(zip(names, sys.argv[2:])), sys.stdin.buffer.read())))
