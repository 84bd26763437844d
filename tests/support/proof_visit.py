"""Somebody who causes errors, and then looks at all pages and streams."""

import threading
import time

import httpx2

from steadfastapi._stack import Stack
from support.canaries import Canaries
from support.console import frame_of
from support.proof_app import TOKEN

QUIET = 2.0
"""Seconds without a byte after which a stream has told everything."""


class Visit:
    """Somebody who is let in, and looks at everything.

    Args:
        client: Reaches the application.
        stack: Of the application.
    """

    def __init__(self, client: httpx2.Client, stack: Stack) -> None:
        self._client = client
        self._stack = stack
        self._headers = {"Authorization": f"Bearer {TOKEN}"}

    def get(self, path: str, headers: dict[str, str] | None = None) -> bytes:
        """Return a path and what is there."""
        answer = self._client.get(path, headers=headers or self._headers)
        assert answer.status_code < 600
        return path.encode() + b"\n" + answer.content

    def crash(self, canaries: Canaries) -> bytes:
        """Cause every error; return what the client got."""
        sent = canaries.request_kwargs()
        answers = [
            self._client.post("/leak", **sent),
            self._client.post("/spill", **sent),
            self._client.post("/nowhere", **sent),
        ]
        assert [500, 500, 404] == [answer.status_code for answer in answers]
        assert self._stack.inbox.flush(10)
        return b"".join(
            f"{answer.status_code} {answer.headers!r}\n".encode() + answer.content
            for answer in answers
        )

    def console(self, canaries: Canaries) -> bytes:
        """Return every page, every JSON document and every stream of the console."""
        streams = [path for path in self._paths() if path.endswith("/stream")]
        followed: list[bytes] = []
        ready = threading.Barrier(len(streams) + 1)
        threads = [
            threading.Thread(target=self._follow, args=(path, ready, followed))
            for path in streams
        ]
        for thread in threads:
            thread.start()
        ready.wait(30)
        self.crash(canaries)
        pages = [self.get(path) for path in self._paths() if path not in streams]
        for thread in threads:
            thread.join(30)
        assert len(streams) == len(followed)
        return b"".join([*pages, *followed])

    def _paths(self) -> list[str]:
        """Return every address of a page or stream, for everything that is known."""
        frame = frame_of(self._stack)
        issues = self._known("/ops/api/issues")
        exchanges = self._known("/ops/api/exchanges")
        paths = []
        for route, page in frame.routes:
            if "GET" not in page.methods:
                continue
            of = {"{issue}": issues, "{request_id}": exchanges}
            names = [name for name in of if name in route.path]
            paths += [
                route.path.replace(names[0], one) if names else route.path
                for one in (of[names[0]] if names else [""])
            ]
        return paths

    def _known(self, path: str) -> list[str]:
        answer = self._client.get(path, headers=self._headers)
        assert 200 == answer.status_code, answer.text
        return [str(one["id"]) for one in answer.json()["items"]][:6]

    def _follow(self, path: str, ready: threading.Barrier, into: list[bytes]) -> None:
        parts, ends_at = [path.encode()], time.monotonic() + 3.0
        patience = httpx2.Timeout(10.0, read=QUIET)
        with self._client.stream(
            "GET", path, headers=self._headers, timeout=patience
        ) as answer:
            assert 200 == answer.status_code
            ready.wait(30)
            try:
                for part in answer.iter_raw():
                    parts.append(part)
                    if time.monotonic() > ends_at:
                        break
            except httpx2.ReadTimeout:
                pass
        into.append(b"\n".join(parts))
