"""A TCP proxy that delays all bytes, each way."""

from __future__ import annotations

import asyncio
import threading
from urllib.parse import urlsplit


class DelayProxy:
    """Stands before a broker; `url` leads through it."""

    def __init__(self, url: str, seconds: float):
        parts = urlsplit(url)
        self.target = (parts.hostname, parts.port or 5672)
        self.user = parts.netloc.rpartition("@")[0]
        self.seconds = seconds
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> DelayProxy:
        self.thread.start()
        server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self.serve, "127.0.0.1", 0), self.loop).result()
        port = server.sockets[0].getsockname()[1]
        self.url = f"amqp://{self.user}@127.0.0.1:{port}"
        return self

    def __exit__(self, *_exception) -> None:
        asyncio.run_coroutine_threadsafe(self.end_all(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def end_all(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def serve(self, client_in, client_out) -> None:
        broker_in, broker_out = await asyncio.open_connection(*self.target)
        try:
            await asyncio.gather(self.carry(client_in, broker_out),
                                 self.carry(broker_in, client_out))
        except asyncio.CancelledError:
            pass  # asyncio would complain of a handler that was cancelled
        finally:
            broker_out.close()
            client_out.close()

    async def carry(self, source, sink) -> None:
        """Later bytes may come while earlier ones are under way: it delays, and does not queue."""
        while True:
            try:
                piece = await source.read(65536)
            except ConnectionError:
                piece = b""
            self.loop.call_later(self.seconds, self.deliver, sink, piece)
            if not piece:
                return

    @staticmethod
    def deliver(sink, piece: bytes) -> None:
        if piece and not sink.is_closing():
            sink.write(piece)
        elif not piece:
            sink.close()
