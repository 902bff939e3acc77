"""The machine and the versions that a run was made with."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

from .lab import Lab


def describe(lab: Lab) -> dict[str, str]:
    return {
        "date": datetime.date.today().isoformat(),
        "machine": f"{cpu()}, {os.cpu_count()} CPUs, {memory()}",
        "system": f"{system()}, kernel {platform.release().split('-')[0]}",
        "broker": broker(lab),
        "ours": said([lab.ours("worker"), "--version"]) + commit(lab),
        "rustc": said(["rustc", "--version"]),
        "peers": ", ".join(peers(lab)),
    }


def ticks() -> tuple[int, int]:
    """The CPU time so far that others on the same host have taken, and all of it."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0, 0
    times = [int(time) for time in stat.read_text().splitlines()[0].split()[1:9]]
    return times[7], sum(times)


def busy(before: tuple[int, int]) -> dict[str, str]:
    """How quiet the machine was since then."""
    taken, passed = (now - then for now, then in zip(ticks(), before))
    return {"taken by others on the host": f"{taken / max(passed, 1):.1%} of the CPU time"}


def said(command: list[str]) -> str:
    """The first line that a program prints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except OSError:
        return ""
    return next(iter((done.stdout or done.stderr).splitlines()), "").strip()


def cpu() -> str:
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return said(["sysctl", "-n", "machdep.cpu.brand_string"])
    found = re.search(r"model name\s*:\s*(.*)", info.read_text())
    return found[1] if found else platform.machine()


def memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"


def system() -> str:
    release = Path("/etc/os-release")
    if not release.exists():
        return platform.platform()
    found = re.search(r'PRETTY_NAME="?([^"\n]*)', release.read_text())
    return found[1] if found else platform.system()


def broker(lab: Lab) -> str:
    channel = lab.channel()
    properties = channel.connection._impl.server_properties
    return f"{properties['product']} {properties['version']}, on the same machine"


def commit(lab: Lab) -> str:
    found = said(["git", "-C", str(lab.root), "rev-parse", "--short", "HEAD"])
    return f" ({found})" if found else ""


def peers(lab: Lab) -> list[str]:
    lock = lab.root / "benches" / "peers" / "Cargo.lock"
    lapin = re.search(r'name = "lapin"\nversion = "([^"]*)"', lock.read_text())
    names = [f"lapin {lapin[1]}" if lapin else "lapin"]
    for package in ("pika", "celery"):
        try:
            names.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            pass
    for package in ("amqp-tools", "php-amqplib", "parallel", "findutils"):
        version = said(["dpkg-query", "-W", "-f", "${Version}", package])
        if version and "no packages" not in version:
            names.append(f"{package} {version.split('-')[0]}")
    return names
