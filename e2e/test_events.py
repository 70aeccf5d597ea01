"""The commands of docs/events.md, run as they are written."""

import os
import subprocess

from readme import commands
from service import BINARY


def test_the_commands_of_the_page_work_as_they_are_written(start, tmp_path):
    service = start()
    environment = service.environment()
    environment["PATH"] = f"{BINARY.parent}{os.pathsep}{environment['PATH']}"
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands("events", "docs/events.md")],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    # The page, the command line and the stream tell of the one upload there was.
    assert result.stdout.count('"type":"upload.completed"') == 2, result.stdout
    assert "event: upload.completed\n" in result.stdout
    assert "  upload.completed  " in result.stdout
