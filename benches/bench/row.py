"""Rows: what is compared with what, and what is to be reached."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Callable

from .lab import Lab, Skip
from .measure import Failed, Sample

# How a figure is taken from a sample, and how it is shown.
METRICS: dict[str, tuple[Callable[[Sample], float | None], str]] = {
    "ms": (lambda s: s.milliseconds, "{:.2f} ms"),
    "s": (lambda s: s.seconds, "{:.2f} s"),
    "tasks/s": (lambda s: s.rate, "{:,.0f}/s"),
    "CPU": (lambda s: s.cpu_us, "{:,.1f} µs"),
    "MiB": (lambda s: None if s.peak_kib is None else s.peak_kib / 1024, "{:.1f} MiB"),
}


@dataclass
class Contender:
    name: str
    run: Callable[[Lab], Sample]
    lacks: str = ""  # the guarantee that ours has and this one has not


@dataclass
class Goal:
    """`ours` compared with `peer` (by name), or with nothing where there is none."""

    metric: str
    sense: str  # "<=" or ">="
    bound: float
    peer: str | None = None
    ours: str | None = None  # the first contender, where it is not said


@dataclass
class Row:
    key: str
    title: str
    metric: str
    contenders: list[Contender]
    goals: list[Goal] = field(default_factory=list)
    rounds: int | None = None  # at most this many
    note: str = ""
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def round(self, lab: Lab, number: int, tell: Callable[[str], None]) -> None:
        """Each contender once. Who begins changes from round to round."""
        if self.rounds is not None and number >= self.rounds:
            return
        turn = number % len(self.contenders)
        for contender in self.contenders[turn:] + self.contenders[:turn]:
            if contender.name in self.skipped:
                continue
            try:
                sample = contender.run(lab)
            except Skip as why:
                self.skipped[contender.name] = str(why)
                tell(f"{self.key}: {contender.name}: left out, {why}")
                continue
            except Failed as why:
                self.skipped[contender.name] = f"failed: {why}"
                tell(f"{self.key}: {contender.name}: FAILED, {why}")
                continue
            self.samples.setdefault(contender.name, []).append(sample)
            tell(f"{self.key}: {contender.name}: {show(self.metric, [sample])}")

    def ratios(self, goal: Goal) -> list[float]:
        """Ours divided by the peer's, round by round; with no peer, ours alone."""
        ours = figures(goal.metric, self.samples.get(goal.ours or self.contenders[0].name, []))
        if goal.peer is None:
            return ours
        peers = figures(goal.metric, self.samples.get(goal.peer, []))
        return [one / other for one, other in zip(ours, peers) if other]

    def verdict(self, goal: Goal) -> bool | None:
        ratios = self.ratios(goal)
        if not ratios:
            return None
        median = statistics.median(ratios)
        return median <= goal.bound if goal.sense == "<=" else median >= goal.bound


def figures(metric: str, samples: list[Sample]) -> list[float]:
    take = METRICS[metric][0] if metric in METRICS else (lambda s: (s.extra or {}).get(metric))
    return [figure for figure in map(take, samples) if figure is not None]


def show(metric: str, samples: list[Sample], spread: bool = False) -> str:
    values = figures(metric, samples)
    if not values:
        return "–"
    form = METRICS[metric][1] if metric in METRICS else "{:.3g} " + metric
    text = form.format(statistics.median(values))
    if spread and len(values) > 1:
        number = form.split("}")[0] + "}"
        text += f" ({number.format(min(values))}–{number.format(max(values))})"
    return text
