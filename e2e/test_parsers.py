"""A proxy and the service must never read one request as two different ones: raw requests, directly and behind nginx."""

import re
import socket
import subprocess
import time
from urllib.parse import urlsplit

import pytest

from service import ROOT, die_with_parent, send

NGINX = ROOT / "target/nginx/usr/sbin/nginx"
CONFIG = """
daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log stderr error;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path unused; uwsgi_temp_path unused; scgi_temp_path unused;
  upstream service {{ server {service}; keepalive 4; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
"""


@pytest.fixture(scope="module")
def proxy(shared, tmp_path_factory):
    """nginx before the shared service, as the documentation has it; its address."""
    assert NGINX.exists(), f"{NGINX} is missing: scripts/test takes it out of Debian's package"
    folder = tmp_path_factory.mktemp("nginx")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "nginx.conf").write_text(CONFIG.format(port=port, service=urlsplit(shared.info["api"]).netloc))
    command = [NGINX, "-p", folder, "-c", "nginx.conf", "-e", "stderr"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
    for _ in range(200):
        assert process.poll() is None, process.stderr.read()
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except ConnectionRefusedError:
            time.sleep(0.02)
    yield "127.0.0.1", port
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def file(shared):
    """A file that every second request within a request is after."""
    upload = shared.api.created()
    assert send(upload["request"], b"hello").status_code == 200
    return shared.api.complete(upload["id"]).json


def statuses(address, request: bytes) -> list[int]:
    """Sends it as it is; the status of every answer until the connection is closed, or nothing comes any more."""
    with socket.create_connection(address) as connection:
        connection.sendall(request)
        connection.settimeout(2)
        answer = b""
        try:
            while part := connection.recv(1 << 16):
                answer += part
        except (TimeoutError, ConnectionResetError):
            pass
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]


BODY = b'{"filename":"a","content_type":"a/b","size":1}'
# What stands for what in the requests below; every line ends as HTTP has it.
HEAD = "host: a\nauthorization: Bearer {token}\nconnection: close\n"
POST = HEAD + "content-type: application/json\n"
INNER = "DELETE /v1/files/{id} HTTP/1.1\nhost: a\nauthorization: Bearer {token}\ncontent-length: 0\n\n"

# A request, and what both must answer; "refused" is any 4xx.
REQUESTS = {
    "as it should be": ("GET /v1/files/{id} HTTP/1.1\n" + HEAD + "\n", [200]),
    "a slash that is escaped": ("GET /v1/files/{id}%2Fcontent HTTP/1.1\n" + HEAD + "\n", [404]),
    "a path that is escaped": ("GET /v1%2Ffiles HTTP/1.1\n" + HEAD + "\n", [404]),
    "dot segments": ("GET /v1/uploads/../files HTTP/1.1\n" + HEAD + "\n", [404]),
    "dot segments that are escaped": ("GET /v1/uploads/%2e%2e/files HTTP/1.1\n" + HEAD + "\n", [404]),
    "dot segments to what needs no token": ("GET /healthz/../v1/files HTTP/1.1\nhost: a\nconnection: close\n\n", [404]),
    "what needs no token behind dot segments": (
        "GET /v1/files/../../healthz HTTP/1.1\nhost: a\nconnection: close\n\n", [404],
    ),
    "empty segments": ("GET /v1//files HTTP/1.1\n" + HEAD + "\n", [404]),
    "a NUL that is escaped": ("GET /v1/files/{id}%00 HTTP/1.1\n" + HEAD + "\n", "refused"),
    "a parameter of a segment": ("GET /v1/files/{id};a=b HTTP/1.1\n" + HEAD + "\n", [404]),
    "escaped twice": ("GET /v1/files/{id}%252Fcontent HTTP/1.1\n" + HEAD + "\n", [404]),
    "a parameter twice": ("GET /v1/files?limit=1&limit=2 HTTP/1.1\n" + HEAD + "\n", [400]),
    "a parameter twice, once escaped": ("GET /v1/files?limit=1&%6cimit=2 HTTP/1.1\n" + HEAD + "\n", [400]),
    "two tokens": ("GET /v1/files HTTP/1.1\n" + HEAD + "authorization: Bearer x\n\n", "refused"),
    "two hosts": ("GET /v1/files HTTP/1.1\n" + HEAD + "host: b\n\n", "refused"),
    "no host": ("GET /v1/files HTTP/1.1\nconnection: close\nauthorization: Bearer {token}\n\n", "refused"),
    "a space before the colon": ("GET /v1/files HTTP/1.1\nhost: a\nconnection: close\nauthorization : Bearer {token}\n\n", "refused"),
    "a folded header": (
        "GET /v1/files HTTP/1.1\nhost: a\nconnection: close\nauthorization: Bearer\n {token}\n\n", "refused",
    ),
    "a key twice": (
        "POST /v1/uploads HTTP/1.1\n" + POST + 'content-length: 55\n\n{{"size":9,' + BODY.decode()[1:].replace("}", "}}"), [400],
    ),
    "two lengths": ("POST /v1/uploads HTTP/1.1\n" + POST + "content-length: 46\ncontent-length: 4\n\n{body}", "refused"),
    "a list of lengths": ("POST /v1/uploads HTTP/1.1\n" + POST + "content-length: 46, 4\n\n{body}", "refused"),
    "a length with a sign": ("POST /v1/uploads HTTP/1.1\n" + POST + "content-length: +46\n\n{body}", "refused"),
    "a negative length": ("POST /v1/uploads HTTP/1.1\n" + POST + "content-length: -1\n\n{body}", "refused"),
    "an unknown framing": ("POST /v1/uploads HTTP/1.1\n" + POST + "transfer-encoding: xchunked\n\n{body}", "refused"),
    "a framing twice": (
        "POST /v1/uploads HTTP/1.1\n" + POST + "transfer-encoding: chunked\ntransfer-encoding: identity\n\n0\n\n", "refused",
    ),
    "a length and a framing, the second request behind the chunks": (
        "POST /v1/uploads HTTP/1.1\n" + POST + "content-length: {smuggled}\ntransfer-encoding: chunked\n\n0\n\n" + INNER,
        "refused",
    ),
    "a framing and a length, the second request in a chunk": (
        "POST /v1/uploads HTTP/1.1\n" + POST + "transfer-encoding: chunked\ncontent-length: 4\n\n{size:x}\n" + INNER + "\n0\n\n",
        "refused",
    ),
    "a framing with a tab": (
        "POST /v1/uploads HTTP/1.1\n" + POST + "content-length: 5\ntransfer-encoding:\tchunked\n\n0\n\n" + INNER, "refused",
    ),
    "a chunk whose size is too large": (
        "POST /v1/uploads HTTP/1.1\n" + POST + "transfer-encoding: chunked\n\n10000000000000005\nhello\n0\n\n", "refused",
    ),
    "a chunk whose size has a sign": (
        "POST /v1/uploads HTTP/1.1\n" + POST + "transfer-encoding: chunked\n\n+5\nhello\n0\n\n", "refused",
    ),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_a38_a_request_is_the_same_one_directly_and_behind_a_proxy(shared, proxy, file, case):
    text, expected = REQUESTS[case]
    inner = INNER.format(id=file["id"], token=shared.api.token).replace("\n", "\r\n")
    request = text.format(
        id=file["id"], token=shared.api.token, body=BODY.decode(), size=len(inner), smuggled=len(inner) + 5
    )
    head, body = request.split("\n\n", 1)
    if "chunked" in head:
        body = body.replace("\n", "\r\n")
    request = (head.replace("\n", "\r\n") + "\r\n\r\n" + body).encode()
    url = urlsplit(shared.info["api"])
    before = len(shared.api.files())
    for what, address in [("directly", (url.hostname, url.port)), ("behind nginx", proxy)]:
        got = statuses(address, request)
        if expected == "refused":
            # 501 is what nginx says to a framing that it does not know.
            assert len(got) <= 1 and all(400 <= status < 500 or status == 501 for status in got), (what, got)
        else:
            assert got == expected, what
    assert shared.api.call("GET", f"/v1/files/{file['id']}").status == 200, "nobody asked for its end"
    assert len(shared.api.files()) == before
