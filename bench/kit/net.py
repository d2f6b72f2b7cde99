"""Loopback only: free ports, a small HTTP client, and servers that take down when they were asked."""

import http.client
import random
import selectors
import socket
import threading
import time

HOST = "127.0.0.1"
_given = set()


def free_port():
    """Not from the kernel's range for outgoing connections, where thousands of probes take ports all the time."""
    while True:
        port = random.randrange(20000, 32000)
        if port in _given:
            continue
        with socket.socket() as s:
            try:
                s.bind((HOST, port))
            except OSError:
                continue
        _given.add(port)
        return port


def get(port, path, headers=None, timeout=5, method="GET", body=None):
    """(status, body); status 0 when nobody answered."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def wait_for(what, true, within=30, every=0.02):
    until = time.monotonic() + within
    while True:
        value = true()
        if value:
            return value
        if time.monotonic() > until:
            raise TimeoutError(f"waited {within} s for: {what}")
        time.sleep(every)


class Request:
    __slots__ = ("at", "path", "headers", "body")

    def __init__(self, at, path, headers, body):
        self.at, self.path, self.headers, self.body = at, path, headers, body


class Servers(threading.Thread):
    """Many small HTTP servers on one thread. A request's time is when its first bytes were there to be read."""

    def __init__(self):
        super().__init__(daemon=True)
        self.selector = selectors.DefaultSelector()
        self.end = False
        self.start()

    def listen(self, answer, port=None):
        """`answer(request) -> (status, body)`; gives the port."""
        listener = socket.create_server((HOST, port or free_port()), backlog=4096)
        listener.setblocking(False)
        self.selector.register(listener, selectors.EVENT_READ, ("listener", answer))
        return listener.getsockname()[1]

    def stop(self):
        self.end = True
        self.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()

    def run(self):
        while not self.end:
            ready = self.selector.select(0.1)
            at = time.monotonic()
            for key, _ in ready:
                if key.data[0] == "listener":
                    self._accept(key)
                else:
                    self._read(key, at)

    def _accept(self, key):
        try:
            stream, _ = key.fileobj.accept()
        except OSError:
            return
        stream.setblocking(False)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.selector.register(stream, selectors.EVENT_READ, ["stream", key.data[1], b"", None])

    def _read(self, key, at):
        stream, data = key.fileobj, key.data
        try:
            chunk = stream.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            return self._close(stream)
        data[3] = data[3] or at
        data[2] += chunk
        head, found, rest = data[2].partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.decode("latin-1").split("\r\n")
        headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        request = Request(data[3], lines[0].split(" ")[1], headers, rest[:length])
        status, body = data[1](request)
        data[2], data[3] = rest[length:], None
        close = headers.get("connection", "").lower() == "close"
        said = "close" if close else "keep-alive"
        out = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: {said}\r\n\r\n".encode() + body
        try:
            stream.sendall(out)
        except OSError:
            return self._close(stream)
        if close:
            self._close(stream)

    def _close(self, stream):
        try:
            self.selector.unregister(stream)
        except KeyError:
            pass
        stream.close()
