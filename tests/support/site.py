"""A server on this machine whose answers a test chooses."""

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Site:
    """Answers of a server by path, how often each path was asked for, and with which headers."""

    def __init__(self, root: str):
        self.root, self.answers, self.asked, self.heard = root, {}, Counter(), {}
        self.cut: dict[str, int] = {}

    def answer(self, path, body=b"", status=200, **headers):
        """Let a path be answered; headers as given, none added."""
        self.answers[path] = (status, headers, body)
        return self.root + path

    def file(self, path, body, cut=None):
        """Let a path be a file of which a server sends any part that it is asked for.

        `cut`: bytes after which the first transfer breaks off.
        """
        self.answers[path] = (None, {}, body)
        if cut is not None:
            self.cut[path] = cut
        return self.root + path


@contextmanager
def serving() -> Iterator[Site]:
    """A site while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            site.asked[self.path] += 1
            site.heard.setdefault(self.path, []).append(dict(self.headers))
            status, headers, body = site.answers.get(self.path, (404, {}, b"no"))
            if isinstance(status, list):
                status = status.pop(0) if len(status) > 1 else status[0]
            if status is None:
                status, headers, body = self.part(body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def part(self, body):
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            start, end = int(asked[1]) if asked else 0, len(body)
            if start >= end:
                return 416, {"Content_Length": "0"}, b""
            headers = {"Content_Length": str(end - start)}
            if asked:
                headers["Content_Range"] = f"bytes {start}-{end - 1}/{end}"
            return 206 if asked else 200, headers, body[start : site.cut.pop(self.path, end)]

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    site = Site(f"http://127.0.0.1:{server.server_port}")
    yield site
    server.shutdown()
    server.server_close()
