"""How long people wait for what they change on the page, in a meeting of four hours, and for the queue.

python -m tests.bench.writing
"""

import re
import tempfile
import time
from pathlib import Path

from starlette.testclient import TestClient

from pipeline import accounts
from pipeline.desk import DataDesk
from pipeline.meetings import Layout
from pipeline.shelf import DataFolder
from search import web
from tests.bench.page import long_meeting
from tests.house import onrecord

PASSWORD = "seven herons on a weir"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        long_meeting(data)
        done = onrecord("run", "--asr", "captions", "--diariser", "captions", "--jobs", "0", data=data, within_s=600)
        assert done.returncode == 0, done.stderr
        layout = Layout(root=data)
        accounts.add(layout, "Mira Castell", PASSWORD)
        shelf = DataFolder(layout)
        desk = DataDesk(layout, shelf)
        page = TestClient(
            web.application(shelf, desk=desk), base_url="http://localhost", headers={"Origin": "http://localhost"}
        )
        page.post("/sign-in", data={"name": "Mira Castell", "password": PASSWORD}, follow_redirects=False)
        desk.people("long")
        for _ in range(2):
            began = time.monotonic()
            assert page.get("/queue").status_code == 200
            print(f"the queue: {time.monotonic() - began:.2f} s")
        token = re.search(r'name="token" value="([^"]+)"', page.get("/help").text)
        assert token
        found = page.get("/api/search", params={"q": "recognition"}).json()["quotes"]
        for do, hit in zip(("words", "words", "words", "withhold"), found, strict=False):
            quote = hit["quote"]
            form = {"token": token[1], "do": do, "saw": quote["text"], "text": quote["text"] + " Indeed."}
            form |= {"reason": "under complaint", "until": "2099-01-01"}
            began, worked = time.monotonic(), time.process_time()
            answer = page.post(f"/work/{quote['address']}", data=form)
            assert answer.status_code == 200, answer.text
            took_s, work_s = time.monotonic() - began, time.process_time() - worked
            print(f"{do}: {took_s:.2f} s until the next page is there, {work_s:.2f} s of one core")
        desk.settle()


if __name__ == "__main__":
    main()
