"""What Schemathesis is told beside the OpenAPI document; it loads this file itself (see fuzz.py)."""

import json
import os
import zlib
from pathlib import Path
from urllib.parse import unquote

import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase

SEEDS = json.loads(Path(os.environ["VALETKEY_FUZZ_SEEDS"]).read_text())
SEEN = open(os.environ["VALETKEY_FUZZ_SEEN"], "ab", buffering=0)
ALL = list(SEEDS.values())
A_DAY = 86_400
# Nothing of ours listens there, and nothing leaves this machine.
NOWHERE = "http://127.0.0.1:9/"


def choose(value, choices):
    """One of them, and the same one for the same value: a run can be repeated."""
    return choices[zlib.crc32(repr(value).encode()) % len(choices)]


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
    """Names what is there, one's own and the others', in most requests; and writes nobody's marker, for Schemathesis learns
    values from answers and would have others write them."""
    lead(case)
    case.body = unmarked(case.body)
    asked_as = (case.headers or {}).get("Authorization")
    kept = {name for owner in ALL if asked_as == f"Bearer {owner['token']}" for name in owner["kept"]}
    # One's own kept files one leaves alone; others go on to be led to them.
    if kept.intersection(unquote(str(value)) for value in (case.path_parameters or {}).values()):
        if case.method == "DELETE":
            case.path_parameters = {name: "nobodys" for name in case.path_parameters}
        elif isinstance(case.body, dict) and case.body.get("retain_for") in range(1, A_DAY):
            case.body = {**case.body, "retain_for": A_DAY}


def lead(case):
    """Has a path name what is there, unless it is meant to be a wrong one, or one that an answer gave."""
    path = case.meta and case.meta.components.get(ParameterLocation.PATH)
    if not path or not path.mode.is_positive or case.meta.phase.name == TestPhase.STATEFUL:
        return
    names = case.path_parameters
    if not names or not ALL or choose(names, "yyn") == "n":
        return
    owner = choose(names, ALL)
    known = {
        "id": choose(names, owner["ids"]), "file_key": choose(names, owner["keys"]), "token": owner["content"],
    }
    case.path_parameters = {name: known.get(name, value) for name, value in names.items()}


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
