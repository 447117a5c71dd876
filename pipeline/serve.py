"""Serving the page over a data folder."""

import contextlib
import socket

from pipeline.meetings import Layout
from pipeline.shelf import DataFolder
from transcribe.problem import Problem


def listen(host: str, port: int) -> socket.socket:
    """Where the page can be reached. Raises Problem where nothing can listen there."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, UnicodeError) as e:
        listener.close()
        raise Problem(
            f"nothing can listen at {host}, port {port}: {getattr(e, 'strerror', '') or e}",
            fix="name another with --port, or with --host an address of this machine",
        ) from e
    return listener


def serve(layout: Layout, listener: socket.socket, *, contact: str, host: str) -> None:
    """Serve the page until it is stopped."""
    import uvicorn

    from pipeline.desk import DataDesk
    from search.web import application

    folder = DataFolder(layout)
    config = uvicorn.Config(
        application(folder, hosts=names_of(host), contact=contact, desk=DataDesk(layout, folder)),
        log_level="warning",
        access_log=False,  # what people look for is nobody's business
        server_header=False,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=3,
        limit_concurrency=500,
        h11_max_incomplete_event_size=32_000,
        proxy_headers=False,
    )
    with contextlib.suppress(KeyboardInterrupt):  # which is how people end it
        uvicorn.Server(config).run(sockets=[listener])


def named(host: str) -> str:
    """A host as it stands in an address."""
    return f"[{host}]" if ":" in host else host


def names_of(host: str) -> list[str]:
    """What a page that listens there may be called: anything, where others than this machine can reach it."""
    from search.web import LOCAL_HOSTS

    return [*LOCAL_HOSTS, named(host)] if is_local(host) else ["*"]


def is_local(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
