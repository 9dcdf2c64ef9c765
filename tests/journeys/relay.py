"""A line between phone and server that can be cut, can swallow answers, and can hang."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

CHUNK = 65536


class Relay:
    """A loopback TCP relay. Unlike a browser's own switch it is true for workers, too.

    `mode`: `open`; `shut` (no connection lasts); `hang` (nothing is handed on); `lose` (the server
    gets everything, its answers get lost).
    """

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._mode = "open"
        self.handed = b""
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def mode(self) -> str:
        """What the line does now."""
        return self._mode

    @mode.setter
    def mode(self, mode: str) -> None:
        """Connections of before end, so that what comes next meets the new line."""
        self._mode = mode
        self._end_all()

    def posts(self, path: str) -> int:
        """How many writes to a path have reached the server."""
        return self.handed.count(f"POST {path} ".encode())

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()
        self._end_all()

    def _accept(self) -> None:
        while True:
            try:
                phone, _ = self._listener.accept()
            except OSError:
                return
            if self._mode == "shut":
                phone.close()
                continue
            with self._lock:
                self._open.add(phone)
            threading.Thread(target=self._serve, args=(phone,), daemon=True).start()

    def _serve(self, phone: socket.socket) -> None:
        try:
            with socket.create_connection(self._upstream) as server:
                with self._lock:
                    self._open.add(server)
                self._hand_on(phone, server)
        except OSError:
            pass
        finally:
            self._close(phone)

    def _hand_on(self, phone: socket.socket, server: socket.socket) -> None:
        back = threading.Thread(target=self._answers, args=(server, phone), daemon=True)
        back.start()
        while data := phone.recv(CHUNK):
            if self._mode != "hang":
                self.handed += data
                server.sendall(data)

    def _answers(self, server: socket.socket, phone: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(CHUNK):
                if self._mode == "open":
                    phone.sendall(data)
        # A line that loses answers does not tell the phone that it ended, either.
        if self._mode == "open":
            self._close(phone)

    def _end_all(self) -> None:
        with self._lock:
            ended, self._open = self._open, set()
        for one in ended:
            self._close(one)

    def _close(self, one: socket.socket) -> None:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
