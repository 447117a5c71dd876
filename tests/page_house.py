"""A data folder for tests of the page: a meeting with sound, one with something hidden, one full of hostile text."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from tests.house import ROOT, TOML, captions, environment, onrecord
from tests.make_media import write_sound

MEETING, HIDDEN, HOSTILE = "2024-05-14-panel", "2024-06-01-hidden", "2024-07-01-hostile"
SECRET = "Mr Anybody lives at nine Canal Row"
PAYLOADS = (
    "<script>window.hit=1</script>",
    '"><img src=x onerror=window.hit=1>',
    "<svg/onload=window.hit=1>",
    "'><iframe srcdoc='<script>parent.hit=1</script>'>",
    "{{7*7}}{% raw %}",
    "javascript:window.hit=1//",
    "</title></textarea></style><script>window.hit=1</script>",
    "<a href=javascript:window.hit=1>x</a>",
    "<b>bold</b>&amp;&lt;i&gt;",
    "\u202edrowssap\u202c",
    "]]><!--",
    "<base href=https://elsewhere.example/>",
    "<style>body{display:none}</style>",
)


def build(below: Path) -> Path:
    """Make the folder and run it, with captions in the place of engines; once for all tests of a session."""
    data = below / "page-data"
    if data.exists():
        return data
    put_meeting(data, MEETING, TOML, captions(), sound=True)
    said = [("Jo Okafor", "We begin."), ("Alison Tranter", f"{SECRET}."), ("Jo Okafor", "We do not say that here.")]
    put_meeting(data, HIDDEN, TOML, captions(said), sound=True, top='exclude = [[9, 20, "exempt business"]]\n')
    hostile = [(f"Voice {i} of nobody", _vtt(p)) for i, p in enumerate(PAYLOADS)]
    toml = "\n".join(
        [
            f"title = {json.dumps(PAYLOADS[0], ensure_ascii=False)}",
            f"body = {json.dumps(PAYLOADS[1])}",
            f"source_url = {json.dumps(PAYLOADS[5])}",
            "held_on = 2024-07-01",
            *(
                f'[[people]]\nid = "p{i}"\nname = {json.dumps(p, ensure_ascii=False)}\n'
                f'role = {json.dumps(p, ensure_ascii=False)}\naliases = ["Voice {i} of nobody"]'
                for i, p in enumerate(PAYLOADS)
            ),
            f"[[agenda]]\nitem = 1\ntitle = {json.dumps(PAYLOADS[2])}",
        ]
    )
    put_meeting(data, HOSTILE, toml, captions(hostile), sound=False)
    run(data)
    return data


def run(data: Path, *meetings: str) -> None:
    """Run meetings, all of them without, with captions in the place of engines."""
    done = onrecord(
        "run", *meetings, "--asr", "captions", "--diariser", "captions", "--jobs", "0",
        data=data, env={"ONRECORD_MODELS": str(data / "no-models")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def _vtt(text: str) -> str:
    return f"They wrote {text} there.".replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def put_meeting(data: Path, folder: str, toml: str, vtt: str, *, sound: bool, top: str = "") -> None:
    """A meeting with captions, and a recording of a hum."""
    place = data / "raw" / folder
    place.mkdir(parents=True)
    (place / "meeting.toml").write_text(top + toml, "utf-8")
    (place / "captions.vtt").write_text(vtt, "utf-8")
    if sound:
        hum = np.sin(np.arange(45 * 16_000) / 20).astype(np.float32) * 0.1
        write_sound(place / "meeting.wav", [(0, hum)])
        (place / "meeting.toml").write_text(top + 'captions = "captions.vtt"\nmedia = "meeting.wav"\n' + toml, "utf-8")


@contextmanager
def served(data: Path, *more: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A real server in a process of its own: its address, and the process."""
    server = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "serve", "--port", "0", "--data", str(data), *more],
        cwd=ROOT,
        env=environment(),
        stderr=subprocess.PIPE,
        bufsize=0,  # what is read here is one line: the rest is for whoever asks
    )
    try:
        assert server.stderr
        first = server.stderr.readline().decode()
        port = re.match(r"http://\S+:(\d+)/ ", first)
        assert port, first + server.stderr.read().decode()
        base = f"http://127.0.0.1:{port[1]}"
        while True:
            try:
                urllib.request.urlopen(f"{base}/help").read()
                break
            except OSError:
                assert server.poll() is None, server.stderr.read().decode()
                time.sleep(0.05)
        yield base, server
    finally:
        if server.poll() is None:
            server.terminate()
            server.communicate(timeout=60)


def browser_path() -> str | None:
    """A Chromium of this machine; `tests/need-browser.sh` gets one."""
    named = os.environ.get("ONRECORD_BROWSER")
    return named or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def browser() -> Iterator[Browser]:
    """A Chromium in which sound plays without a press of a key."""
    with sync_playwright() as p:
        opened = p.chromium.launch(
            executable_path=browser_path(), args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        yield opened
        opened.close()


def until(page: Page, condition: str) -> None:
    """Wait until something holds; asked from here, since the page may not evaluate text itself."""
    for _ in range(1_500):
        if page.evaluate(condition):
            return
        time.sleep(0.02)
    raise AssertionError(f"never so: {condition}")
