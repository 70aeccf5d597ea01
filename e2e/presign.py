"""`valetkey presign --jsonl` as a function, and URLs taken apart for comparison."""

import base64
import http.client
import json
import ssl
import subprocess
from urllib.parse import parse_qsl, urlsplit

from service import BINARY

# Tough for signers: what must be escaped, what must not, and what others trim, resolve or normalise.
PRINTABLE = "abcXYZ019-._~/ +%=()'*!:@[]\\&?#,;$\"<>^`{|}éßñ\u0301漢字🦀\u2028\ufeff"
LETTERS = PRINTABLE + "\0\t\x7f\u0085"


def presign(lines):
    """The answers to these lines, in order."""
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    done = subprocess.run(
        [BINARY, "presign", "--jsonl"], input=text.encode(), stdout=subprocess.PIPE, check=True, timeout=600
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(lines)
    return answers


def send(method, url, headers=(), body=b"", address=None):
    """Sends a request exactly as it was signed: no library writes the path anew, and names need not resolve."""
    split = urlsplit(url)
    if split.scheme == "https":
        # The certificate of an emulator is nobody's.
        connection = http.client.HTTPSConnection(split.netloc, timeout=60, context=ssl._create_unverified_context())
    else:
        connection = http.client.HTTPConnection(address or split.netloc, timeout=60)
    headers = {"host": split.netloc, **dict(headers)}
    connection.request(method, url[len(f"{split.scheme}://{split.netloc}"):], body=body, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def parts(url):
    """Scheme, host, path as it stands, and the decoded query in no order."""
    split = urlsplit(url)
    return split.scheme, split.netloc, split.path, sorted(query(url))


def query(url):
    return parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)


def text(random, least, most, letters=LETTERS):
    return "".join(random.choice(letters) for _ in range(random.randint(least, most)))


def key(random):
    """A key without dot segments: URL clients would resolve those, and we refuse them."""
    while True:
        # As many bytes as a key may have, now and then.
        found = text(random, 1, 40) if random.random() < 0.95 else text(random, 250, 1_000).encode()[:1_024].decode(errors="ignore")
        if random.random() < 0.3:
            found = random.choice(["/", "//", " ", "\t", "a//b/", "%2e%2e/", "a%2Fb/", ".../"]) + found
        if not any(segment in (".", "..") for segment in found.split("/")):
            return found


def conditions(policy):
    """The conditions of a form, whichever way they are written, in no order; and the other members."""
    policy = json.loads(base64.b64decode(policy))
    found = []
    for condition in policy.pop("conditions"):
        if isinstance(condition, dict):
            ((name, value),) = condition.items()
            found.append(("eq", name, value))
        elif condition[0] == "eq":
            found.append(("eq", condition[1].removeprefix("$"), condition[2]))
        else:
            found.append(tuple(str(part) for part in condition))
    return sorted(found), policy


def same(ours, theirs, lines):
    """Every answer is the URL the other signer made."""
    for answer, other, line in zip(ours, theirs, lines, strict=True):
        assert "url" in answer, (answer, line)
        assert parts(answer["url"]) == parts(other), line
