"""Links that play a published recording from a moment on, by the kind of page that it is published on.

A link never begins past the moment that it is for, and only http and https are ever linked. Who the page belongs to is
told by its host; players that are not known here get a template from the data folder (`[players]` in `onrecord.toml`).
"""

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from transcribe.records import Record

YOUTUBE = ("youtube.com", "youtube-nocookie.com")
START_NAMES = ("t", "start", "time_continue", "end")  # of YouTube's parameters about time: ours, or none
MEDIA_SUFFIXES = (
    *(".mp4", ".m4v", ".m4a", ".mp3", ".aac", ".ogg", ".oga", ".ogv"),
    *(".opus", ".webm", ".wav", ".flac", ".mov", ".mkv"),
)  # of files that browsers play themselves, from where a media fragment says
LONGEST = 4_000  # letters of an address
_LEGAL = "-._~:/?@!$&'()*+,;=%"  # in an address, beside letters and digits
_NO_HOST = re.compile(r"[\s\"'<>\\^`{|}%#?/@]")
_PLACE = re.compile(r"\{(s|ms|clock)\}")
_TEMPLATE = re.compile(r"[?#/](?:[A-Za-z0-9._~:/@!$&'()*+,;=%-]|\{s\}|\{ms\}|\{clock\})+")


class Link(Record):
    """Where the public can listen. `plays` says whether it opens at the moment itself; where it does not, people need
    to be told the time. `url` is empty where there is nothing to link to."""

    url: str = ""
    plays: bool = False


def link(url: str, start_ms: int | None, end_ms: int | None = None, players: Mapping[str, str] = {}) -> Link:
    """The link to `[start_ms, end_ms)` of the recording at `url`; to the page alone where no time is known.

    YouTube takes whole seconds (`t=123s`; `start=123` when embedded), Vimeo a fragment (`#t=123s`), media files a W3C
    media fragment (`#t=123.4,130`), any other page what `players` says of its host. A page of which nothing is known
    stays as it is: what one does not understand may break it.
    """
    parts = _web(url)
    if parts is None:
        return Link()
    if start_ms is not None and start_ms < 0:
        start_ms = None
    host, seconds = parts.hostname or "", (start_ms or 0) // 1000
    template = next((t for name, t in players.items() if _is(host, name)), "")
    if template and start_ms is not None:
        return Link(url=urlunsplit(_filled(parts, template, start_ms)), plays=True)
    if template:
        return Link(url=urlunsplit(parts))
    if video := _youtube(parts, host):
        name, value = ("start", f"{seconds}") if video == "embed" else ("t", f"{seconds}s")
        new = "" if start_ms is None else f"{name}={value}"
        parts = parts._replace(query=_query(parts.query, new, START_NAMES), fragment="")
    elif _is(host, "vimeo.com") and re.search(r"/\d+(/|$)", parts.path):
        parts = parts._replace(fragment="" if start_ms is None else f"t={seconds}s")
    elif parts.path.lower().endswith(MEDIA_SUFFIXES):
        kept = [p for p in parts.fragment.split("&") if p and not p.startswith("t=")]
        parts = parts._replace(fragment="&".join([*kept, *_media_time(start_ms, end_ms)]))
    else:
        return Link(url=urlunsplit(parts))
    return Link(url=urlunsplit(parts), plays=start_ms is not None)


def check_template(host: str, template: str) -> None:
    """Raise ValueError, with what is wrong, where `template` says nothing that can be done for pages of `host`."""
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*", host):
        raise ValueError(f"{host!r:.100} is not the name of a host, in small letters and without https:// or a path")
    if not _TEMPLATE.fullmatch(template) or not _PLACE.search(template):
        raise ValueError(
            f"{template!r:.100} does not say where the time goes: it begins with ?, # or / and holds {{s}} (seconds), "
            "{ms} (milliseconds) or {clock} (1:02:03)"
        )


def _web(url: str) -> SplitResult | None:
    """The parts of an address that a browser may be sent to, without a name or password, and written in ASCII; None for
    anything else."""
    url = url.strip()
    if not url.isprintable() or len(url) > LONGEST:  # what can't be seen may hide another address
        return None
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or _NO_HOST.search(host):
        return None
    path, query, fragment = (quote(part, safe=_LEGAL) for part in parts[2:])
    return SplitResult(parts.scheme, parts.netloc.rpartition("@")[2], path, query, fragment)


def _is(host: str, *names: str) -> bool:
    return any(host == name or host.endswith("." + name) for name in names)


def _youtube(parts: SplitResult, host: str) -> str:
    """How YouTube would play a page: "watch" or "embed"; "" where it is none of a video, or one that takes no time."""
    first, _, rest = parts.path.strip("/").partition("/")
    if _is(host, "youtu.be"):
        return "watch" if first and not rest else ""
    if not _is(host, *YOUTUBE):
        return ""
    if first == "watch" and re.search(r"(^|&)v=[^&]", parts.query):
        return "watch"
    return {"live": "watch", "embed": "embed", "v": "embed"}.get(first, "") if rest else ""


def _query(query: str, new: str, names: tuple[str, ...]) -> str:
    """A query without the parameters of these names, and with `new` at its end. The rest stays as it is written."""
    kept = [part for part in query.split("&") if part and part.partition("=")[0] not in names]
    return "&".join([*kept, new] if new else kept)


def _media_time(start_ms: int | None, end_ms: int | None) -> list[str]:
    """A time range of W3C Media Fragments 1.0, in tenths of seconds: never later, nor shorter, than the real one."""
    if start_ms is None:
        return []
    tenths = [start_ms // 100] + ([-(-end_ms // 100)] if end_ms is not None and end_ms > start_ms else [])
    return ["t=" + ",".join(f"{n // 10}" + (f".{n % 10}" if n % 10 else "") for n in tenths)]


def _filled(parts: SplitResult, template: str, start_ms: int) -> SplitResult:
    """An address with the time where a template puts it: in the query, as the fragment, or at the end of the path."""
    s = start_ms // 1000
    times = {"s": f"{s}", "ms": f"{start_ms}", "clock": f"{s // 3600}:{s // 60 % 60:02d}:{s % 60:02d}"}
    filled = _PLACE.sub(lambda found: times[found[1]], template[1:])
    if parts.fragment.startswith("t="):  # another time
        parts = parts._replace(fragment="")
    if template[0] == "#":
        return parts._replace(fragment=filled)
    if template[0] == "?":
        names = tuple(part.partition("=")[0] for part in filled.split("&"))
        return parts._replace(query=_query(parts.query, filled, names))
    pieces = _PLACE.split(template)  # every other one is the name of a time
    earlier = "".join(r"[\d:]+" if i % 2 else re.escape(piece) for i, piece in enumerate(pieces))
    path = re.sub(f"{earlier}/?$", "", parts.path).rstrip("/")
    return parts._replace(path=f"{path}/{filled}")
