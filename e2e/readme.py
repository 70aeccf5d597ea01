"""The commands of the README and other pages, taken from the pages themselves.

A fenced block is a test when an HTML comment stands right before it:

    <!-- test: start -->   starts the service and goes on running
    <!-- test: tour -->    runs while it serves; blocks of one name are one script, in order
"""

import re

from service import BUILD, ROOT


def commands(name: str, page: str = "README.md") -> str:
    """The blocks marked `name`, joined in the order of the page."""
    text = (ROOT / page).read_text()
    pattern = rf"<!-- test: {re.escape(name)} -->\s*\n```(?:sh|bash|console)?\n(.*?)```"
    blocks = re.findall(pattern, text, re.S)
    assert blocks, f"{page} has no block marked <!-- test: {name} -->"
    text = "\n".join(blocks)
    if BUILD.name == "debug":
        # Built already; `scripts/test --release` runs the very words.
        text = text.replace("cargo run --release --", "target/debug/valetkey").replace("target/release", "target/debug")
    return text
