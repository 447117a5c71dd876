"""What plays: the recording of a meeting, in parts as a browser asks for them, and clips of it to keep."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from anyio.to_thread import run_sync
from starlette.background import BackgroundTask
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message, Receive, Scope, Send

from search.reading import Shelf
from search.web import log, number, shelf_of
from transcribe.problem import Problem

MOST_PAD_S = 60
ASK_S = 1.0  # how often it is asked whether what is being sent may still be heard
MEDIA_TYPES = {
    ".m4a": "audio/mp4",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".webm": "video/webm",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".opus": "audio/ogg",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
}


def routes() -> list[BaseRoute]:
    return [Route("/media/{id}", media), Route("/clip/{meeting}/{range}", clip)]


def media(request: Request) -> Response:
    """What plays a meeting: in parts as the browser asks for them."""
    shelf, id = shelf_of(request), request.path_params["id"]
    sound = shelf.sound(id)
    if sound is None:
        raise Problem("There is no recording of this meeting to play", fix="Its page says what there is.")
    kind = MEDIA_TYPES.get(sound.path.suffix.lower(), "application/octet-stream")
    kind = kind.replace("video/", "audio/") if not sound.video else kind.replace("audio/", "video/")
    stat = sound.path.stat()
    return _Ranges(
        sound.path,
        may_be_heard=lambda: _is_still(shelf, id, sound.path, stat),
        media_type=kind,
        stat_result=stat,
        headers={"Cache-Control": "no-cache"},
    )


def _is_still(shelf: Shelf, id: str, path: Path, was: os.stat_result) -> bool:
    """Whether a file still is what plays a meeting: where something was hidden, another takes its place, or none."""
    try:
        sound = shelf.sound(id)
        now = sound.path.stat() if sound and sound.path == path else None
    except (Problem, OSError):
        return False
    return now is not None and os.path.samestat(now, was)


class _Ranges(FileResponse):
    """A file, or the part of it that was asked for. It may go, change, or become something that is not to be heard any
    more, meanwhile: never more is sent than was announced, and where there is less the connection ends without the
    rest."""

    max_ranges = 1  # players ask for one at a time; whoever asks for more gets the whole

    def __init__(self, path: Path, *, may_be_heard: Callable[[], bool], **options: Any) -> None:
        super().__init__(path, **options)
        self.may_be_heard = may_be_heard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        opening: list[Message] = []  # held back until there is something to send
        left, asked_s, is_gone = 0, time.monotonic(), False

        async def heard() -> Message:
            nonlocal is_gone
            message = await receive()
            is_gone = is_gone or message["type"] == "http.disconnect"
            return message

        async def measured(message: Message) -> None:
            nonlocal left, asked_s
            if message["type"] == "http.response.start":
                opening.append(message)
                left = int(MutableHeaders(raw=message["headers"]).get("content-length", "0"))
                left = 0 if scope["method"] == "HEAD" else left
                return
            if time.monotonic() > asked_s + ASK_S:
                if not await run_sync(self.may_be_heard):
                    raise OSError("what it plays was changed or hidden meanwhile")
                asked_s = time.monotonic()
            if opening:
                await send(opening.pop())
            body = message.get("body", b"")[:left]
            left -= len(body)
            if body or not left:
                await send({**message, "body": body, "more_body": bool(left)})

        try:
            await super().__call__(scope, heard, measured)
        except OSError as e:
            if opening or not left:
                raise
            log.warning("%s: %s", scope["path"], e)
            return
        if left and not is_gone:  # who stops a player, or goes elsewhere in it, needs no word in the log
            log.warning("%s: the file became shorter while it was sent", scope["path"])


def clip(request: Request) -> Response:
    """A clip of an address to keep, with `pad` seconds before and after it; with `all`, its words as captions and the
    record of where it is from beside it, in one archive."""
    pad_s = number(request.query_params.get("pad"), 0, 0, MOST_PAD_S)
    path = shelf_of(request).clip(f"{request.path_params['meeting']}/{request.path_params['range']}", pad_s)
    kind = "video/mp4" if path.suffix == ".mp4" else "audio/mp4"
    if "all" in request.query_params:
        path, kind = _together(path), "application/zip"
    return FileResponse(
        path,
        media_type=kind,
        filename=path.name,
        headers={"Cache-Control": "no-store"},
        background=BackgroundTask(shutil.rmtree, path.parent, ignore_errors=True),
    )


def _together(path: Path) -> Path:
    """The files that stand beside each other as a clip, in one archive beside them."""
    archive = path.with_suffix(".zip")
    try:
        with ZipFile(archive, "x") as into:  # stored: sound and pictures become no smaller
            for each in (path, path.with_suffix(".vtt"), path.with_suffix(".json")):
                into.write(each, each.name)
    except BaseException:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise
    return archive
