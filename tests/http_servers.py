"""A web server on 127.0.0.1 that answers each request the way a test says."""

import collections
import contextlib
import http.server
import re
import socketserver
import threading
import time

Server = collections.namedtuple("Server", ["url", "requests"])
Server.__doc__ = """A running server.

Attributes:
  url: what comes before a path: ``http://127.0.0.1:<port>``.
  requests: ``[(path, headers), ...]`` as they came in.
"""


class _ThreadingServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


@contextlib.contextmanager
def serving(answers):
    """Serves ``{path: [answer, ...]}``: one answer after the other, the last one for ever."""
    requests = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            number = sum(path == self.path for path, _ in requests)
            requests.append((self.path, dict(self.headers)))
            in_order = answers[self.path]
            in_order[min(number, len(in_order) - 1)](self)

        def log_message(self, *_):
            pass

    server = _ThreadingServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Server("http://127.0.0.1:%d" % server.server_address[1], requests)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def status(code, **headers):
    """Answers with a status and no body."""
    return lambda request: _send(request, code, headers, b"")


def whole(body, cut_at=None, announce=True, **headers):
    """Answers with all of ``body``, Range or not; breaks off after ``cut_at`` bytes."""

    def answer(request):
        length = {"Content-Length": str(len(body))} if announce else {}
        _send(request, 200, dict(length, **headers), body[:cut_at])

    return answer


def ranged(body, cut_at=None, etag='"1"'):
    """Answers with the range asked for, unless If-Range names another version."""

    def answer(request):
        asked = re.match(r"bytes=(\d+)-$", request.headers.get("Range", ""))
        if not asked or request.headers.get("If-Range", etag) != etag:
            whole(body, cut_at, ETag=etag)(request)
            return
        start = int(asked.group(1))
        if start >= len(body):
            status(416)(request)
            return
        headers = {
            "Content-Length": str(len(body) - start),
            "Content-Range": "bytes %d-%d/%d" % (start, len(body) - 1, len(body)),
            "ETag": etag,
        }
        _send(request, 206, headers, body[start:cut_at])

    return answer


def trickling(body, pause_secs, chunked=False):
    """Answers with ``body``, a byte at a time with pauses, until nobody listens any more."""

    def answer(request):
        headers = {"Transfer_Encoding": "chunked"} if chunked else {}
        _send(request, 200, headers or {"Content-Length": str(len(body))}, b"")
        with contextlib.suppress(OSError):
            for number in range(len(body)):
                byte = body[number : number + 1]
                request.wfile.write(b"1\r\n%s\r\n" % byte if chunked else byte)
                time.sleep(pause_secs)

    return answer


def never_coming_to_the_point(pause_secs):
    """Answers with a header without end, a byte at a time, until nobody listens any more."""

    def answer(request):
        with contextlib.suppress(OSError):
            request.wfile.write(b"HTTP/1.0 200 OK\r\nX-Letters: ")
            for _ in range(1000):
                request.wfile.write(b"x")
                time.sleep(pause_secs)

    return answer


def stalling(body, cut_at, secs, **headers):
    """Answers with the first bytes of ``body``, and then with nothing for a while."""

    def answer(request):
        whole(body, cut_at, **headers)(request)
        time.sleep(secs)

    return answer


def _send(request, code, headers, body):
    request.send_response(code)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(body)
