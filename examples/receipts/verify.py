"""Verifies a receipt with PyJWT (`pip install 'pyjwt[crypto]'`): python verify.py RECEIPT JWKS_FILE ISSUER"""

import json
import sys

import jwt


def verify(receipt: str, jwks: dict, issuer: str) -> dict:
    header = jwt.get_unverified_header(receipt)
    if header.get("typ") != "receipt+jwt":
        raise jwt.InvalidTokenError("this is no receipt")
    key = jwt.PyJWKSet.from_dict(jwks)[header["kid"]]
    # This algorithm and no other.
    return jwt.decode(receipt, key, algorithms=["EdDSA"], issuer=issuer, options={"require": ["iss", "sub"]})


if __name__ == "__main__":
    receipt, jwks_file, issuer = sys.argv[1:]
    with open(jwks_file, encoding="utf-8") as file:
        print(json.dumps(verify(receipt, json.load(file), issuer)))
