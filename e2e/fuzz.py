"""Generated requests over the whole OpenAPI document, as users of two tenants who must never see anything of each other.

Schemathesis makes the requests; `fuzz_hooks.py`, which it loads, leads them to what the other one has and reads every answer.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import requests

from service import ROOT, Api, Service, send

# Who asks: a tenant and a subject each. Two of them have one tenant, and two have one name.
USERS = {"alice": ("one", "alice"), "bob": ("one", "bob"), "other": ("two", "alice")}
ADMIN = "root"
# What only administrators may do; as anybody else, these are 403 whatever is sent.
ADMINISTRATION = "^/v1/(keys|webhooks|sweep)"

# The schema cannot say what the rules of a bucket, a checksum's length or a cursor are: what it allows may be refused,
# but only as one of these. A batch is answered item by item, so an item that breaks the schema's bounds does not
# refuse it as a whole; and where the body may be left out, a wrong one is sometimes none.
CONFIG = """
hooks = "{hooks}"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "400", "401", "403", "404", "409", "413", "422", "429"]

# A stream of events goes on for as long as one listens.
[[operations]]
include-path = "/v1/events"
request-timeout = 2.0
max-stream-events = 1

[[operations]]
include-path-regex = "/(batch|download|complete)$"
[operations.checks.negative_data_rejection]
expected-statuses = ["200", "400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "429"]

[auth.wfc]
path = "{users}"
{peers}
"""


def marker(user: str) -> str:
    """A word that everything of this user has in it, and nothing else."""
    return f"zq{user}qz"


def api_of(service: Service, user: str) -> Api:
    tenant, subject = USERS[user]
    return Api(service.info["api"], service.token_for(subject, "--tenant", tenant))


def seed(service: Service, user: str) -> dict:
    """Gives the user files, open uploads and a folder, each with the marker in it; says what others must not read or touch."""
    api, word = api_of(service, user), marker(user)
    fields = {"filename": f"{word}.txt", "path": word, "metadata": {"note": word}}
    files = []
    for number in range(8):
        data = f"{word} {number}".encode()
        upload = api.created(**fields, size=len(data))
        assert send(upload["request"], data).status_code == 200
        files.append(api.complete(upload["id"]).json)
    pending = [api.created(**fields)["id"] for _ in range(4)]
    pending.append(api.created(**fields, size=17 << 20)["id"])
    link = api.call("POST", f"/v1/files/{files[0]['id']}/download", {}).json
    return {
        "token": api.token,
        "marker": word,
        "ids": [*(file["id"] for file in files), *pending],
        "keys": [file["key"] for file in files],
        # Neither their owner nor others may be able to remove them, the one because it is not asked to.
        "kept": [name for file in files[:3] for name in (file["id"], file["key"])],
        "content": link["content_url"].rsplit("/", 1)[1],
    }


def fuzz(service: Service, folder: Path, examples: int, dice: int = 1, timeout: int = 570) -> tuple[bool, str]:
    """Runs all checks with so many examples for each operation, as these users and then as an administrator.

    Whether all held, and how many requests there were; or the end of what was said.
    """
    folder.mkdir(parents=True, exist_ok=True)
    seeds = {user: seed(service, user) for user in USERS}
    users = {user: seeds[user]["token"] for user in USERS}
    ok, said = run(service, folder / "users", users, seeds, examples, dice, timeout)
    if not ok:
        return False, said
    admin = {ADMIN: service.token_for(ADMIN, "--role", "admin")}
    ok, more = run(service, folder / "admin", admin, {}, examples, dice, timeout, "--include-path-regex", ADMINISTRATION)
    if not ok:
        return False, more
    gone = [found for user in USERS for found in lost(service, user, seeds[user])]
    said = f"{said} as users of two tenants, {more} as an administrator, no 5xx, no byte of another's"
    return not gone, f"{said}; files lost or changed: {gone or 'none'}"


def run(service, folder, users, seeds, examples, dice, timeout, *options) -> tuple[bool, str]:
    folder.mkdir()
    (folder / "users.json").write_text(json.dumps({"auth": [
        {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {token}"}]}
        for name, token in users.items()
    ]}))
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG.format(
        hooks=ROOT / "e2e" / "fuzz_hooks.py", users=folder / "users.json",
        peers=f"peers = {json.dumps(list(users))}" if len(users) > 1 else f'user = "{ADMIN}"',
    ))
    seen = folder / "seen"
    seen.touch()
    (folder / "seeds.json").write_text(json.dumps(seeds))
    command = [
        Path(sys.executable).parent / "schemathesis", "--config-file", config,
        "run", service.info["api"] + "/openapi.json", "--checks", "all", "--max-examples", str(examples),
        "--seed", str(dice), "--workers", "2", "--suppress-health-check", "all", "--warnings", "off",
        "--continue-on-failure", *options,
    ]
    environment = {**os.environ, "VALETKEY_FUZZ_SEEDS": str(folder / "seeds.json"), "VALETKEY_FUZZ_SEEN": str(seen)}
    try:
        result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return False, f"not done after {timeout} s"
    said = result.stdout + result.stderr
    made = re.search(r"(\d+) generated", said)
    # The hooks were there: they have read every answer.
    if result.returncode != 0 or not made or seen.stat().st_size == 0:
        return False, said[-20_000:]
    return True, f"{int(made[1]):,} requests"


def lost(service: Service, user: str, seeded: dict) -> list[str]:
    """What became of the files of the user that nobody was to remove, where they are not as they were."""
    api, found = api_of(service, user), []
    for name in (name for name in seeded["kept"] if name in seeded["ids"]):
        answer = api.call("POST", f"/v1/files/{name}/download", {})
        if answer.status != 200:
            found.append(f"{user}'s {name}: {answer.text}")
        elif not (text := requests.get(answer.json["url"], timeout=60).text).startswith(marker(user)):
            found.append(f"{user}'s {name} has other bytes: {text[:200]}")
    return found
