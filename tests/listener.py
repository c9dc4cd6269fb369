"""A server on this computer that hears whoever calls: for tests in which nobody may."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Listener:
    """Answers every call with a refusal, and keeps what was said."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.heard: list[bytes] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                call, _ = self._server.accept()
            except OSError:
                return
            with call:
                call.settimeout(2)
                try:
                    self.heard.append(call.recv(4096))
                    call.sendall(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                except OSError:
                    self.heard.append(b"")

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)


@contextmanager
def listening() -> Iterator[Listener]:
    """A listener for as long as the block runs."""
    listener = Listener()
    try:
        yield listener
    finally:
        listener.close()
