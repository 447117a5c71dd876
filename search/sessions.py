"""Who is signed in: sessions kept in memory, how often somebody may try a password, and where a form came from.

A session is a random token in a cookie that no script can read and no other site can have sent; the server keeps only
its hash. It ends when its person signs out, after twelve hours without a request, when the server ends, and as soon
as the account has another password or is gone.
"""

import hashlib
import ipaddress
import secrets
import threading
import time
import unicodedata
from collections import OrderedDict, deque
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "onrecord-session"
IDLE_S = 12 * 3600.0
N_SESSIONS = 1_000
WITHIN_S = 15 * 60.0  # what attempts are counted over
FEW, MORE, MOST = 5, 30, 60  # attempts at one name from one address, from one address, and at one name
N_COUNTED = 20_000


class Session:
    """Somebody who is signed in. `token` goes into each form; `told` is what the next page says of the last change."""

    def __init__(self, name: str, mark: str, now_s: float) -> None:
        self.name, self.mark, self.seen_s = name, mark, now_s
        self.token = secrets.token_urlsafe(24)
        self._told: list[str] = []

    def tell(self, what: str) -> None:
        self._told = [*self._told, what][-3:]

    def told(self) -> list[str]:
        told, self._told = self._told, []
        return told


class Sessions:
    """All who are signed in. `mark_of` gives what stands for an account's password, or None where there is no account:
    where it is another than at the signing in, the session is over."""

    def __init__(self, mark_of: Callable[[str], str | None], clock: Callable[[], float] = time.monotonic) -> None:
        self._mark_of, self._clock = mark_of, clock
        self._open: OrderedDict[bytes, Session] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, request: Request, answer: Response, name: str, mark: str) -> Session:
        """Sign somebody in by an answer to a request; who was signed in there is so no more."""
        self._forget(request)
        token, session = secrets.token_urlsafe(32), Session(name, mark, self._clock())
        with self._lock:
            self._open[_hash(token)] = session
            while len(self._open) > N_SESSIONS:
                self._open.popitem(last=False)
        answer.set_cookie(COOKIE, token, path="/", httponly=True, samesite="strict", secure=_is_secure(request))
        return session

    def end(self, request: Request, answer: Response) -> None:
        self._forget(request)
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=_is_secure(request))

    def _forget(self, request: Request) -> None:
        with self._lock:
            self._open.pop(_hash(request.cookies.get(COOKIE, "")), None)

    def of(self, request: Request) -> Session | None:
        """Who is signed in where a request came from."""
        token = request.cookies.get(COOKIE)
        if not token:
            return None
        key, now_s = _hash(token), self._clock()
        with self._lock:
            session = self._open.get(key)
        if session is None:
            return None
        if now_s - session.seen_s > IDLE_S or self._mark_of(session.name) != session.mark:
            with self._lock:
                self._open.pop(key, None)
            return None
        session.seen_s = now_s
        with self._lock:
            if key in self._open:
                self._open.move_to_end(key)
        return session


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _is_secure(request: Request) -> bool:
    """Whether the browser speaks HTTPS, to this server or to one before it. Who pretends so only loses the cookie."""
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", "").strip().casefold())


def is_own(request: Request) -> bool:
    """Whether a form was sent from a page of this server. Browsers say where from; no script of another site can make
    them say otherwise."""
    if site := request.headers.get("sec-fetch-site"):
        return site == "same-origin"
    return bool(origin := request.headers.get("origin")) and urlsplit(origin).netloc == request.headers.get("host")


def matches(session: Session, token: str) -> bool:
    """Whether a form carries the token of this session."""
    return secrets.compare_digest(session.token.encode(), token.encode("utf-8", "replace"))


class Attempts:
    """How often somebody tried to sign in lately; of a name that nobody has as of any other."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._made: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def may(self, name: str, client: str) -> bool:
        """Count an attempt, and say whether it may be made."""
        now_s = self._clock()
        with self._lock:
            counted = [(self._at(key, now_s), most) for key, most in _keys(name, client)]
            if any(len(made) >= most for made, most in counted):
                return False
            for made, _ in counted:
                made.append(now_s)
        return True

    def forget(self, name: str, client: str) -> None:
        """The last attempt was right: it counts for nothing, and at this name from this address none does any more."""
        with self._lock:
            for n, (key, _) in enumerate(_keys(name, client)):
                made = self._made.get(key)
                if made:
                    made.pop() if n else made.clear()

    def _at(self, key: tuple[str, str], now_s: float) -> deque[float]:
        made = self._made.setdefault(key, deque())
        self._made.move_to_end(key)
        while made and now_s - made[0] > WITHIN_S:
            made.popleft()
        while len(self._made) > N_COUNTED:
            self._made.popitem(last=False)
        return made


def _keys(name: str, client: str) -> list[tuple[tuple[str, str], int]]:
    plain = "".join(unicodedata.normalize("NFKC", name).casefold().split())[:100]
    place = _network(client)
    return [((plain, place), FEW), (("", place), MORE), ((plain, ""), MOST)]


def _network(client: str) -> str:
    """An address, or the network of an IPv6 address: whoever has one has all of that."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client or "?"
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)
