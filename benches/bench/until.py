"""Waiting for a condition, with a deadline."""

from __future__ import annotations

import time
from typing import Callable

from .measure import Failed


def until(condition: Callable[[], bool], what: str, seconds: float = 30, pause: float = 0.02) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"waited {seconds} s in vain until {what}")
        time.sleep(pause)
