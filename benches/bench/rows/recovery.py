"""The broker is killed and comes back: how long until work goes on?"""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from urllib.parse import urlsplit

from ..lab import Lab
from ..measure import Failed, Sample
from ..row import Contender, Goal, Row
from ..until import until

QUEUE = "bench-recovery"
BROKER = "bench-recovery"


def answers(host: str, port: int) -> bool:
    """Whether an AMQP broker says its first words."""
    try:
        with socket.create_connection((host, port), 0.2) as peer:
            peer.sendall(b"AMQP\0\0\x09\x01")
            return peer.recv(1) == b"\x01"
    except OSError:
        return False


def broker(lab: Lab, *words: str) -> str:
    environment = {k: v for k, v in lab.environment(QUEUE).items() if k != "AMQP_URL"}
    done = subprocess.run([lab.script("scripts/broker"), *words, "--name", BROKER], check=True,
                          capture_output=True, text=True, env=environment)
    return done.stdout.strip()


def recovery(lab: Lab) -> Sample:
    """A broker of its own: the others' data are none of this row's business."""
    url = broker(lab, "start").splitlines()[-1]
    parts = urlsplit(url)
    worker = None
    try:
        private = Lab(lab.root, url, lab.quick)
        private.empty(QUEUE)
        worker = subprocess.Popen(
            [lab.ours("worker"), "--dot", "0s", "--log-format", "json"],
            env=lab.environment(QUEUE, url), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        back = threading.Event()
        seen = {}

        def listen() -> None:
            for line in worker.stdout:
                if json.loads(line)["event"] == "reconnected":
                    seen["worker"] = time.monotonic()
                    back.set()

        threading.Thread(target=listen, daemon=True).start()
        until(lambda: private.consumers(QUEUE) == 1, "it consumes")
        broker(lab, "kill")
        starter = threading.Thread(target=broker, args=(lab, "start"))
        starter.start()
        until(lambda: answers(parts.hostname, parts.port), "the broker is back", 60, 0.005)
        seen["broker"] = time.monotonic()
        starter.join()
        if not back.wait(30):
            raise Failed("the worker does not come back")
        return Sample(1, max(seen["worker"] - seen["broker"], 1e-3))
    finally:
        if worker is not None:
            worker.kill()
            worker.wait()
        broker(lab, "stop")


def rows(quick: bool) -> list[Row]:
    return [Row("recovery", "consuming again after the broker was killed and answers", "s",
                [Contender("worker", recovery)], [Goal("s", "<=", 1.0)], rounds=1 if quick else 2)]
