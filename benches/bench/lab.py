"""Where everything is, and what all rows need of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pika


class Skip(Exception):
    """A contender cannot run here; why."""


@dataclass
class Lab:
    root: Path
    url: str
    quick: bool
    long: bool = False
    scratch: Path = field(init=False)
    help_texts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scratch = self.root / "target" / "bench"
        self.scratch.mkdir(parents=True, exist_ok=True)
        self._connection: pika.BlockingConnection | None = None

    # --- Programs

    def ours(self, name: str) -> str:
        return str(self.root / "target" / "release" / name)

    def peers(self) -> str:
        return str(self.root / "target" / "peers" / "release" / "bench-peers")

    def python(self) -> str:
        return str(self.root / "target" / "venv" / "bin" / "python3")

    def script(self, *path: str) -> str:
        return str(self.root.joinpath(*path))

    def tool(self, name: str) -> str:
        found = shutil.which(name)
        if not found:
            raise Skip(f"{name} is not installed")
        return found

    def need_option(self, program: str, option: str) -> None:
        """Skips where our own program does not know this option."""
        if program not in self.help_texts:
            said = subprocess.run([self.ours(program), "--help"], capture_output=True, text=True)
            self.help_texts[program] = said.stdout
        if option not in self.help_texts[program]:
            raise Skip(f"this {program} has no {option}")

    def environment(self, queue: str, url: str | None = None) -> dict[str, str]:
        """What all contenders get: each takes of it what it knows."""
        parts = urlsplit(url or self.url)
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith(("AMQP_", "TASK_"))},
            "AMQP_URL": url or self.url,
            "AMQP_HOST": parts.hostname or "localhost",
            "AMQP_PORT": str(parts.port or 5672),
            "TASK_QUEUE": queue,
        }

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    # --- The broker

    def channel(self) -> pika.adapters.blocking_connection.BlockingChannel:
        """A channel; the connection is made anew where the broker has given it up meanwhile."""
        if self._connection is not None:
            try:
                self._connection.process_data_events(0)
                return self._connection.channel()
            except pika.exceptions.AMQPError:
                self._connection = None
        self._connection = pika.BlockingConnection(pika.URLParameters(self.url))
        return self._connection.channel()

    def empty(self, queue: str) -> None:
        channel = self.channel()
        channel.queue_declare(queue, durable=True)
        channel.queue_purge(queue)
        channel.close()

    def ready(self, queue: str) -> int:
        channel = self.channel()
        count = channel.queue_declare(queue, durable=True, passive=True).method.message_count
        channel.close()
        return count

    def fill(self, queue: str, count: int, body: str = "0123456789abcdef") -> None:
        """Puts `count` equal persistent tasks, and no other."""
        self.empty(queue)
        subprocess.run(
            [self.peers(), "publish", "--queue", queue, "--count", str(count), "--window", "1000",
             "--body", body],
            check=True,
            env=self.environment(queue),
        )

    def publish(self, queue: str, bodies: list[str]) -> None:
        channel = self.channel()
        for body in bodies:
            properties = pika.BasicProperties(delivery_mode=2)
            channel.basic_publish("", queue, body.encode(), properties)
        channel.close()

    def delete(self, *queues: str) -> None:
        channel = self.channel()
        for queue in queues:
            channel.queue_delete(queue)
        channel.close()

    def consumers(self, queue: str) -> int:
        """How many consumers the broker knows on a queue."""
        channel = self.channel()
        count = channel.queue_declare(queue, durable=True, passive=True).method.consumer_count
        channel.close()
        return count
