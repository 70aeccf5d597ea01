"""What servers told and kept while they were tested (logs, traces, metrics, catalogs), and the search of it for secrets.

As a program it searches what is left in folders: `python kept.py FOLDER…`.
"""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# What a secret looks like, whoever's it is.
PATTERNS = {
    "a signature of S3": rb"(?i)x-amz-signature",
    "a signature of GCS": rb"(?i)x-goog-signature",
    "a security token": rb"(?i)x-amz-security-token",
    "a signature of Azure": rb"[?&]sig=",
    "a token": rb"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    "the secret of a webhook": rb"whsec_[A-Za-z0-9+/]{16,}",
    "the secret of an API key": rb"vk_[0-9a-f]{12}_[0-9a-f]{16,}",
}
# What answers of the API carry for their reader alone. A link's token is no less one than a content URL's.
CARRIED = re.compile(
    r"X-Amz-Signature=([0-9a-f]{64})|/[cld]/([A-Za-z0-9_-]{16,})|(whsec_[A-Za-z0-9+/=]{16,})|(vk_[0-9a-f_]{40,})"
)
# Files of a data folder that hold secrets because that is what they are for; nobody but their owner may read them.
SECRET_FILES = {"secret", "dev.json", "store-key.json", "receipt-key.pem"}

# The data folders of all servers there were.
servers: list[Path] = []
# Every very secret that came by.
known: set[bytes] = set()


class Collector:
    """Takes traces (OTLP over HTTP) and keeps them."""

    def __init__(self):
        self.traces = traces = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                traces.append(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


def learn(text: str) -> None:
    """Remembers the secrets in an answer."""
    known.update(group.encode() for match in CARRIED.finditer(text) for group in match.groups() if group)


def learn_token(token: str | None) -> None:
    """Remembers the signature of a token, which is what makes it one."""
    if token and token.count(".") == 2 and len(token.rsplit(".", 1)[1]) > 16:
        known.add(token.rsplit(".", 1)[1].encode())


def found_in(data: bytes) -> list[str]:
    """What secrets there are in it, by what they are, with what is around the first of each."""
    found = []
    for what, pattern in PATTERNS.items():
        if match := re.search(pattern, data):
            found.append(f"{what}: …{data[max(0, match.start() - 80):match.start() + 12]!r}…")
    found += [f"a secret that was given out: {secret[:6]!r}…" for secret in known if secret in data]
    return found


def told(folder: Path) -> dict[str, bytes]:
    """Everything that the server of this data folder told or kept, by its name."""
    named = {path.name: path.read_bytes() for path in folder.parent.glob(f"{folder.name}.*") if path.is_file()}
    for path in folder.rglob("*") if folder.is_dir() else ():
        if path.is_file() and path.name not in SECRET_FILES and "blobs" not in path.parts:
            named[str(path.relative_to(folder))] = path.read_bytes()
    if (folder / "catalog.sqlite").exists():
        named["dump of the catalog"] = dump(folder / "catalog.sqlite")
    return named


def dump(catalog: Path) -> bytes:
    """A SQLite catalog as text; of a copy, for it may be in use."""
    with tempfile.TemporaryDirectory() as folder:
        for path in (catalog, catalog.with_name(catalog.name + "-wal")):
            if path.exists():
                shutil.copy(path, folder)
        with sqlite3.connect(Path(folder) / catalog.name) as database:
            return "\n".join(database.iterdump()).encode()


def search(folders) -> tuple[int, list[str]]:
    """How many bytes were searched, and what secrets are in them."""
    size, found = 0, []
    for folder in folders:
        for name, data in told(folder).items():
            size += len(data)
            found += [f"{folder.name}: {name}: {what}" for what in found_in(data)]
    return size, found


def files_with_secrets(folder: Path) -> list[str]:
    """The files in a folder, however many and large, in which something looks like a secret."""
    pattern = "|".join(f"(?:{pattern.decode()})" for pattern in PATTERNS.values())
    command = ["grep", "-rlaP", "--exclude=password", pattern, folder]
    searched = subprocess.run(command, env={"LC_ALL": "C", "PATH": os.environ["PATH"]}, capture_output=True, text=True)
    assert searched.returncode in (0, 1), searched.stderr
    return searched.stdout.splitlines()


if __name__ == "__main__":
    found = [name for folder in sys.argv[1:] for name in files_with_secrets(Path(folder))]
    count = sum(len(files) for folder in sys.argv[1:] for *_, files in os.walk(folder))
    print(f"{count} files searched, {len(found)} with secrets", *found, sep="\n")
    sys.exit(bool(found) or not count)
