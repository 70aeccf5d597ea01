"""Makes an upload ticket with PyJWT: python mint.py SECRET_FILE ISSUER AUDIENCE SUBJECT"""

import sys
import time
import uuid

import jwt


def mint(secret: str, issuer: str, audience: str, subject: str) -> str:
    now = int(time.time())
    claims = {
        "iss": issuer, "aud": audience, "sub": subject, "iat": now, "exp": now + 900, "jti": str(uuid.uuid4()),
        "valetkey": {"content_types": ["image/*"], "max_size": 10_000_000, "max_count": 1, "path": "inbox"},
    }
    return jwt.encode(claims, secret, algorithm="HS256")


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        print(mint(file.read().strip(), *sys.argv[2:]))
