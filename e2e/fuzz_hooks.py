"""What Schemathesis is told beside the OpenAPI document; it loads this file itself (see fuzz.py)."""

import json
import os
import zlib
from pathlib import Path

import schemathesis

SEEDS = json.loads(Path(os.environ["VALETKEY_FUZZ_SEEDS"]).read_text())
SEEN = open(os.environ["VALETKEY_FUZZ_SEEN"], "ab", buffering=0)
ALL = list(SEEDS.values())
# Nothing of ours listens there, and nothing leaves this machine.
NOWHERE = "http://127.0.0.1:9/"


def choose(value, choices):
    """One of them, and the same one for the same value: a run can be repeated."""
    return choices[zlib.crc32(repr(value).encode()) % len(choices)]


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Names what is there, one's own and the others', in most requests; what is made up is nobody's."""
    if not path_parameters or not ALL or choose(path_parameters, "yyn") == "n":
        return path_parameters
    owner = choose(path_parameters, ALL)
    known = {
        "id": choose(path_parameters, owner["ids"]),
        "file_key": choose(path_parameters, owner["keys"]),
        "token": owner["content"],
    }
    return {name: known.get(name, value) for name, value in path_parameters.items()}


@schemathesis.hook
def map_body(context, body):
    """Puts ids of all into lists of them, and lets no webhook lead anywhere."""
    if isinstance(body, dict):
        if ALL and isinstance(body.get("ids"), list):
            body = {**body, "ids": [*body["ids"][:5], *(choose(body, owner["ids"]) for owner in ALL)]}
        if isinstance(body.get("url"), str):
            body = {**body, "url": NOWHERE}
    return body


@schemathesis.hook
def map_query(context, query):
    """Asks for a folder that is there."""
    if query and ALL and "path" in query and choose(query, "yn") == "y":
        query = {**query, "path": choose(query, ALL)["marker"]}
    return query


@schemathesis.hook
def before_call(context, case, kwargs):
    """Writes nobody's marker: Schemathesis learns values from answers, and would have others write them."""
    case.body = unmarked(case.body)


def unmarked(value):
    if isinstance(value, str):
        for owner in ALL:
            value = value.replace(owner["marker"], "x")
        return value
    if isinstance(value, list):
        return [unmarked(item) for item in value]
    if isinstance(value, dict):
        return {unmarked(name): unmarked(item) for name, item in value.items()}
    return value


@schemathesis.check
def nothing_of_others_is_told(ctx, response, case):
    """No answer has a word of anybody but the one who asked; a content URL, which is a permission, is its holder's."""
    SEEN.write(b".")
    asked_as = response.request.headers.get("Authorization", "")
    asked = repr(vars(response.request)).encode()
    told = response.content + repr(response.headers).encode()
    for name, owner in SEEDS.items():
        if asked_as == f"Bearer {owner['token']}" or owner["content"] in response.request.url:
            continue
        for secret in (owner["marker"], *owner["ids"], *owner["keys"]):
            # What was asked with may be said again.
            if secret.encode() in told and secret.encode() not in asked:
                raise AssertionError(f"an answer to somebody else has {secret}, which is {name}'s")
