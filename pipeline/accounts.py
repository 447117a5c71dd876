"""Who may write on the page: people with a password each, in `data/accounts.json`.

A password is kept as an argon2 hash only. The file can be read by nobody but its owner and is in no backup: on another
machine people get accounts anew. What somebody changes on the page carries their account's name, as `--by` does on the
command line, where no account is asked for: who may write in the data folder may write in it anyway.
"""

import contextlib
import os
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any

from pipeline.events import now
from pipeline.meetings import Layout
from pipeline.receipts import put
from transcribe import locks
from transcribe.documents import dump, load
from transcribe.problem import LACKING, Problem
from transcribe.records import Record

FILE = "accounts.json"
SCHEMA = "accounts/1"
SHORTEST, LONGEST = 10, 200  # characters of a password
LONGEST_NAME = 80
WAIT_S = 10.0


class Account(Record):
    """`name` is what stands beside each change; `password` an argon2 hash; times are UTC."""

    name: str
    password: str
    made: str
    changed: str


class Accounts(Record):
    accounts: tuple[Account, ...] = ()


def read(layout: Layout) -> tuple[Account, ...]:
    """The accounts of a data folder; none where there is no file. Raises Problem for a file that holds none."""
    path = layout.root / FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as e:
        raise Problem(f"the accounts cannot be read: {e.strerror or e}", where=path, fix="check its rights") from e
    try:
        return load(data, Accounts, SCHEMA, where=path).accounts
    except Problem as e:
        fix = "remove it, and make accounts anew: onrecord accounts add NAME"
        raise Problem(e.what, where=path, fix=fix) from e


def add(layout: Layout, name: str, password: str) -> Account:
    """Make an account. Raises Problem for a name that is taken or no name, and for a password that is too easy."""
    shown = named(name)
    _check_password(password, shown)
    fresh = Account(name=shown, password=_hasher().hash(password), made=now(), changed=now())
    with _written(layout) as accounts:
        if taken := _find(accounts, shown):
            fix = f"give it another password: onrecord accounts password {taken.name!r}"
            raise Problem(f"there is an account of {taken.name!r} already", where=layout.root / FILE, fix=fix)
        accounts.append(fresh)
    return fresh


def change_password(layout: Layout, name: str, password: str) -> Account:
    """Give an account another password. Raises Problem where there is no such account, or the password is too easy."""
    with _written(layout) as accounts:
        old = _existing(layout, accounts, name)
        _check_password(password, old.name)
        fresh = Account(name=old.name, password=_hasher().hash(password), made=old.made, changed=now())
        accounts[accounts.index(old)] = fresh
    return fresh


def remove(layout: Layout, name: str) -> Account:
    """Take an account away; what its owner changed stays, with the name. Raises Problem where there is none."""
    with _written(layout) as accounts:
        gone = _existing(layout, accounts, name)
        accounts.remove(gone)
    return gone


def sign_in(layout: Layout, name: str, password: str) -> Account | None:
    """The account of a name and password, or None. It takes as long where there is no such name."""
    from argon2.exceptions import InvalidHashError, VerificationError

    account = _find(read(layout), name)
    try:
        _hasher().verify(account.password if account else _nobodys(), password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return None
    return account


def named(name: str) -> str:
    """A name as it is kept: in one line, composed, without what cannot be seen. Raises Problem for what is no name."""
    shown = " ".join(unicodedata.normalize("NFC", name).split())
    if not shown or len(shown) > LONGEST_NAME or not all(c.isprintable() for c in shown):
        raise Problem(
            "this is no name for an account",
            fix=f"the name that is to stand beside changes, in at most {LONGEST_NAME} letters: 'Mira Castell'",
        )
    return shown


def _check_password(password: str, name: str) -> None:
    if not SHORTEST <= len(password) <= LONGEST:
        raise Problem(f"a password has {SHORTEST} to {LONGEST} characters", fix="take a few words that only you know")
    if _plain(name) in _plain(password) or len(set(password)) < 5:
        raise Problem("this password is too easy to guess", fix="take a few words that only you know")


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _find(accounts: tuple[Account, ...] | list[Account], name: str) -> Account | None:
    return next((a for a in accounts if _plain(a.name) == _plain(name)), None)


def _existing(layout: Layout, accounts: list[Account], name: str) -> Account:
    if found := _find(accounts, name):
        return found
    known = ", ".join(repr(a.name) for a in accounts[:20])
    raise Problem(
        f"there is no account of {name[:LONGEST_NAME]!r}",
        where=layout.root / FILE,
        fix=f"one of: {known}" if known else "make one: onrecord accounts add NAME",
    )


@contextlib.contextmanager
def _written(layout: Layout) -> Iterator[list[Account]]:
    """The accounts, to be changed and then written while nobody else does."""
    path = layout.root / FILE
    try:
        with locks.hold(layout.root / ".accounts.lock", wait_s=WAIT_S):
            accounts = list(read(layout))
            yield accounts
            whole = Accounts(accounts=tuple(sorted(accounts, key=lambda a: a.name.casefold())))
            put(path, dump(whole, SCHEMA), mode=0o600)
    except locks.Busy as e:
        raise Problem(f"somebody else is changing the accounts: {e}", where=path, fix="wait for them") from e
    except OSError as e:
        raise Problem(f"the accounts cannot be written: {e.strerror or e}", where=path, exit_code=LACKING) from e


def _hasher() -> Any:
    try:
        from argon2 import PasswordHasher
    except ImportError as e:
        fix = "pip install 'onrecord[page]'"
        raise Problem("accounts need argon2-cffi, which is not installed", fix=fix, exit_code=LACKING) from e
    return PasswordHasher()


@cache
def _nobodys() -> str:
    """A hash that is nobody's."""
    return str(_hasher().hash(os.urandom(16).hex()))
