"""Long runs: seeded, resumable, in pieces of under ten minutes; see scripts/long.

Each piece is done once for a seed. Its row is kept in target/long.json at once, so a run that was
stopped goes on with the next piece, and the table in docs/long.md is written from all rows.
"""

import argparse
import json
import os
import platform
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from crash import kill_during_put
from fuzz import fuzz
from service import GIB, MIB, ROOT, Service, make_file, sha256

RESULTS = ROOT / "target" / "long.json"
TABLE = ROOT / "docs" / "long.md"
# How often the plug is pulled in one piece.
KILLS_PER_PIECE = 20

# How many requests are generated for each operation in one piece, where it has so many.
FUZZ_EXAMPLES = 60

# Tests of the embedded store that can be told how long to go on: what they do, what one piece is told, and which.
STORE_TESTS = [
    ("random steps beside the model", ("VALETKEY_MODEL_STEPS", 25_000), ["proof", "the_store_does"]),
    ("power cuts", ("VALETKEY_POWER_CUTS", 500), ["proof", "--ignored", "what_was_acknowledged"]),
    ("races of eight by PUT, Copy and Complete", ("VALETKEY_RACES", 2_500), ["store", "must_be_first"]),
    ("kills under load", ("VALETKEY_KILLS", 25), ["store", "the_killed_store"]),
]

# The most a piece may take, in seconds.
PIECE_TIMEOUT = 600


def main() -> int:
    options = argparse.ArgumentParser(prog="scripts/long", description="Runs what takes long, piece by piece.")
    options.add_argument("--seed", type=int, default=1, help="decides every random choice (1)")
    options.add_argument("--pieces", type=int, default=4, help="how many pieces of each kind (4)")
    options.add_argument("--again", action="store_true", help="forget earlier results and start over")
    arguments = options.parse_args()

    rows = [] if arguments.again or not RESULTS.exists() else json.loads(RESULTS.read_text())
    for name, piece in pieces(arguments.seed, arguments.pieces):
        if any(row["piece"] == name for row in rows):
            print(f"{name}: done before")
            continue
        row = run(name, piece)
        rows.append(row)
        RESULTS.write_text(json.dumps(rows, indent=1))
        TABLE.write_text(table(rows))
    return 0 if all(row["ok"] for row in rows) else 1


def pieces(seed: int, count: int):
    """Every piece: its name, which says all it depends on, and what to run. The first of each kind come first."""
    yield f"1 GiB there and back, seed {seed}", lambda folder: round_trip(folder, seed)
    yield "10,000 files in Chromium (docs/bench-browser.md)", lambda _: javascript("many.js", "bench-browser.md")
    yield f"parts against one PUT over a lossy link, seed {seed} (docs/bench-link.md)", (
        lambda _: javascript("link.js", "bench-link.md", "--seed", str(seed))
    )
    for number in range(1, count + 1):
        own = f"seed {seed}, piece {number}"
        yield f"{KILLS_PER_PIECE} kills during a put of 64 MiB, {own}", (
            lambda folder, number=number: kill_rounds(folder, f"{seed}/{number}")
        )
        yield f"up to {FUZZ_EXAMPLES} generated requests for each operation, all checks, two tenants, {own}", (
            lambda folder, number=number: generated(folder, 1000 * seed + number)
        )
        for what, (variable, times), arguments in STORE_TESTS:
            dice = str(1000 * seed + number)
            variables = {"VALETKEY_SEED": dice, "PROPTEST_RNG_SEED": dice, variable: str(times)}
            yield f"embedded store: {times:,} {what}, {own}", (
                lambda _, variables=variables, arguments=arguments: store_test(variables, arguments)
            )


def run(name: str, piece) -> dict:
    print(f"{name} …", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="valetkey-long-") as folder:
        ok, found = piece(Path(folder))
    row = {
        "piece": name,
        "ok": ok,
        "found": found,
        "seconds": round(time.monotonic() - began),
        "date": time.strftime("%Y-%m-%d"),
    }
    print(f"{'ok' if ok else 'FAILED'} after {row['seconds']} s: {found}", flush=True)
    return row


def round_trip(folder: Path, seed: int) -> tuple[bool, str]:
    """1 GiB up and down: the same bytes, next to none of them through the API, little memory."""
    service = Service(folder / "data").start()
    original = make_file(folder / f"film-{seed}.bin", GIB)
    before = service.api_bytes()
    (file,) = service.put(original, timeout=600)
    service.cli("get", file["id"], folder / "back", timeout=600)
    same = sha256(folder / "back") == sha256(original)
    through = service.api_bytes() - before
    peak = service.peak_rss()
    service.stop()
    found = (
        f"SHA-256 {'equal' if same else 'DIFFERENT'}, {through:,} bytes through the API's listener, "
        f"{peak / MIB:.0f} MiB peak RSS"
    )
    return same and through < MIB and peak < 128 * MIB, found


def kill_rounds(folder: Path, seed: str) -> tuple[bool, str]:
    """One service that is killed and restarted again and again, and its promises after each time."""
    service = Service(folder / "data").start()
    original = make_file(folder / "large.bin", 64 * MIB)
    outcomes = []
    for number in range(KILLS_PER_PIECE):
        outcomes.append(kill_during_put(service, original, random.Random(f"{seed}/{number}")))
        for file in service.api.files():
            service.cli("rm", file["id"])
    service.stop()
    problems = [problem for outcome in outcomes for problem in outcome.problems]
    early = sum(not outcome.acknowledged for outcome in outcomes)
    stored = sorted(outcome.stored / MIB for outcome in outcomes)
    found = (
        f"{len(outcomes)} kills, {early} before the put had ended, with {stored[0]:.0f} to {stored[-1]:.0f} MiB "
        f"stored; {len(problems)} broken promises {problems or ''}".rstrip()
    )
    return not problems, found


def generated(folder: Path, dice: int) -> tuple[bool, str]:
    """Requests made from the API's own description, as users of two tenants who must see nothing of each other."""
    service = Service(folder / "data").start()
    ok, said = fuzz(service, folder / "fuzz", FUZZ_EXAMPLES, dice)
    service.stop()
    return ok, said if ok else said[-600:]


def store_test(variables: dict, arguments: list[str]) -> tuple[bool, str]:
    """One test of the embedded store's crate; `variables` say how long and with which dice."""
    target, *rest = arguments
    command = ["cargo", "test", "--release", "--locked", "-p", "valetkey-embedded", "--test", target]
    try:
        result = subprocess.run(
            [*command, "--", *rest], cwd=ROOT, env={**os.environ, **variables},
            capture_output=True, text=True, timeout=PIECE_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return False, f"not done after {PIECE_TIMEOUT} s"
    ran = re.search(r"test result: ok\. ([1-9]\d*) passed", result.stdout)
    return bool(ran), ran[0] if ran else (result.stdout + result.stderr)[-300:]


def javascript(script: str, written: str, *options: str) -> tuple[bool, str]:
    """A benchmark of the JavaScript client, which writes a page of its own and says in a line what it found."""
    command = ["node", str(ROOT / "sdk/javascript/bench" / script), "--write", str(ROOT / "docs" / written), *options]
    try:
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PIECE_TIMEOUT)
    except subprocess.TimeoutExpired:
        return False, f"not done after {PIECE_TIMEOUT} s"
    said = " ".join((result.stdout if result.returncode == 0 else result.stdout + result.stderr).split())
    return result.returncode == 0, said[-600:]


def table(rows: list[dict]) -> str:
    lines = [
        "# Long runs",
        "",
        "Written by `scripts/long`; each row is one piece. The same seed makes the same choices.",
        f"Machine of the last run: {platform.system()} {platform.machine()}, {platform.python_implementation()} "
        f"{platform.python_version()}.",
        "",
        "| piece | outcome | found | seconds | date |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        outcome = "ok" if row["ok"] else "**FAILED**"
        lines.append(f"| {row['piece']} | {outcome} | {row['found']} | {row['seconds']} | {row['date']} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
