"""A real `valetkey dev` process, and the few ways in which tests talk to it."""

import base64
import contextlib
import ctypes
import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import requests

import kept

ROOT = Path(__file__).resolve().parent.parent
# Where what is tested was built.
BUILD = ROOT / os.environ.get("VALETKEY_TEST_BUILD", "target/release")
BINARY = BUILD / "valetkey"
MIB = 1 << 20
GIB = 1 << 30


@dataclass
class Answer:
    """What the API said."""

    status: int
    headers: dict
    text: str

    @property
    def json(self):
        return json.loads(self.text)


class Api:
    """The HTTP API as one principal sees it."""

    def __init__(self, url: str, token: str | None):
        self.url = url
        self.token = token
        kept.learn_token(token)
        self.session = requests.Session()
        self.session.trust_env = False

    def call(self, method: str, path: str, body=None, *, raw=None, headers=None) -> Answer:
        """Sends `body` as JSON, or `raw` bytes as they are."""
        sent = {} if self.token is None else {"authorization": f"Bearer {self.token}"}
        if body is not None:
            raw = json.dumps(body).encode()
        if raw is not None:
            sent["content-type"] = "application/json"
        sent.update(headers or {})
        sent = {name: value for name, value in sent.items() if value is not None}
        answer = self.session.request(
            method, self.url + path, data=raw, headers=sent, timeout=60, allow_redirects=False
        )
        kept.learn(answer.text + answer.headers.get("location", ""))
        return Answer(answer.status_code, dict(answer.headers), answer.text)

    def create(self, **fields) -> Answer:
        body = {"filename": "note.txt", "content_type": "text/plain", "size": 5, **fields}
        return self.call("POST", "/v1/uploads", body)

    def created(self, **fields) -> dict:
        answer = self.create(**fields)
        assert answer.status == 201, answer.text
        return answer.json

    def complete(self, upload_id: str, **fields) -> Answer:
        """Completes, and asks again while the service is still verifying."""
        deadline = time.monotonic() + 60
        while True:
            answer = self.call("POST", f"/v1/uploads/{upload_id}/complete", fields)
            if answer.status != 202 or time.monotonic() > deadline:
                return answer

    def files(self) -> list[dict]:
        """Every file of this principal, page by page."""
        found, cursor = [], None
        while True:
            query = "?limit=100" + (f"&cursor={cursor}" if cursor else "")
            answer = self.call("GET", "/v1/files" + query)
            assert answer.status == 200, answer.text
            found += answer.json["files"]
            cursor = answer.json.get("next_cursor")
            if not cursor:
                return found


def send(request: dict, data: bytes, **headers) -> requests.Response:
    """Carries out a presigned request as a browser would: its method, URL and headers, and the bytes."""
    return requests.request(
        request["method"],
        request["url"],
        headers={**request["headers"], **headers},
        data=data,
        timeout=60,
    )


def hs256(secret: str, subject: str = "alice") -> str:
    """A user's token, as the application of a `valetkey serve` would sign it."""
    now = int(time.time())
    claims = {"iss": "app", "aud": "valetkey", "sub": subject, "iat": now, "exp": now + 3600}
    part = lambda value: base64.urlsafe_b64encode(value).decode().rstrip("=")
    text = f'{part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())}.{part(json.dumps(claims).encode())}'
    return f"{text}.{part(hmac.digest(secret.encode(), text.encode(), hashlib.sha256))}"


class Service:
    """`valetkey dev` on free ports; `wrapper` goes before the command (strace, for one), `options` behind it."""

    def __init__(self, data_dir: Path, wrapper: tuple[str, ...] = (), options: tuple[str, ...] = ()):
        self.data_dir = Path(data_dir)
        self.wrapper = wrapper
        self.options = options
        self.process = None
        self.info = {}

    def start(self) -> "Service":
        assert BINARY.exists(), f"{BINARY} is missing: cargo build"
        self.dev_json.unlink(missing_ok=True)
        self.log = open(self.data_dir.with_suffix(".log"), "ab")
        command = [
            *self.wrapper, BINARY, "dev", "--data-dir", self.data_dir,
            "--listen", "127.0.0.1:0", "--store-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0",
            *self.options,
        ]
        kept.servers.append(self.data_dir)
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self.log, preexec_fn=die_with_parent,
            env={"RUST_LOG": "debug", **os.environ},
        )
        self._wait_until_ready()
        self.api = Api(self.info["api"], self.info["token"])
        return self

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"dev ended early:\n{self.log_text()}"
            try:
                self.info = json.loads(self.dev_json.read_text())
                if requests.get(self.info["api"] + "/readyz", timeout=5).status_code == 200:
                    return
            except (FileNotFoundError, json.JSONDecodeError, requests.ConnectionError):
                pass
            time.sleep(0.02)
        raise AssertionError(f"dev is not ready after 30 s:\n{self.log_text()}")

    @property
    def dev_json(self) -> Path:
        return self.data_dir / "dev.json"

    @property
    def pid(self) -> int:
        return self.process.pid

    def log_text(self) -> str:
        return self.data_dir.with_suffix(".log").read_text(errors="replace")

    def stop(self) -> int:
        """SIGTERM, and its exit code; it has ten seconds."""
        if self.process.poll() is None:
            self.keep_metrics()
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("dev did not end within 10 s of SIGTERM") from None
        finally:
            self.process.stdout.close()
            self.log.close()

    def kill(self) -> None:
        """kill -9, as a power cut would."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def token_for(self, subject: str, *more: str) -> str:
        """A token for somebody else."""
        command = [BINARY, "token", "--data-dir", self.data_dir, "--sub", subject, *more]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def as_subject(self, subject: str) -> Api:
        return Api(self.info["api"], self.token_for(subject))

    def cli(self, *arguments, timeout=300, check=True, cwd=None) -> subprocess.CompletedProcess:
        """Runs the command line against this service."""
        result = subprocess.run(
            [BINARY, *map(os.fspath, arguments)], env=self.environment(), cwd=cwd,
            capture_output=True, text=True, timeout=timeout,
        )
        if check:
            assert result.returncode == 0, f"{arguments}: {result.stdout}{result.stderr}"
        return result

    def environment(self) -> dict:
        return {
            **os.environ,
            "VALETKEY_URL": self.info["api"],
            "VALETKEY_TOKEN": self.info["token"],
            "NO_COLOR": "1",
        }

    def put(self, *paths, timeout=300) -> list[dict]:
        """`valetkey put --json`: the files that came of it."""
        result = self.cli("put", "--json", *paths, timeout=timeout)
        return [json.loads(line) for line in result.stdout.splitlines()]

    def keep_metrics(self) -> None:
        """Writes the metrics beside the log: they are searched with it."""
        with contextlib.suppress(requests.RequestException):
            self.data_dir.with_suffix(".metrics").write_text(self.metrics())

    def metrics(self) -> str:
        return requests.get(self.info["metrics"] + "/metrics", timeout=10).text

    def api_bytes(self) -> int:
        """The bytes the API's own listener has read and written, by its own count."""
        samples = re.findall(
            r'^valetkey_listener_\w*bytes\w*\{[^}]*listener="api"[^}]*\} (\d+)', self.metrics(), re.M
        )
        assert samples, f"no byte counters of the API listener in:\n{self.metrics()}"
        return sum(map(int, samples))

    def peak_rss(self) -> int:
        """The most memory the process ever had resident, in bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def die_with_parent() -> None:
    """Lets the kernel end the child if the tests are killed and cannot."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def make_file(path: Path, size: int, start: bytes = b"") -> Path:
    """A file of `size` bytes that begins with `start` and in which no two blocks are alike."""
    block = hashlib.shake_256(path.name.encode()).digest(MIB)
    with open(path, "wb") as file:
        file.write(start[:size])
        for number in range(size // MIB + 1):
            left = size - file.tell()
            file.write((number.to_bytes(8, "big") + block)[: min(left, MIB)])
    return path


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
