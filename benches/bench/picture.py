"""A run as a picture: for each row that has peers, a bar for each contender."""

from __future__ import annotations

from html import escape

WIDTH, LABEL, BAR, LINE, GAP = 860, 290, 400, 20, 34
OURS, PEER, TEXT = "#2f6f4f", "#b9c2bd", "#222222"
LOWER = ("ms", "s", "MiB")  # the less the better


# What matters most to a user: a row, what to call it, and the contenders that people know.
SUMMARY = [
    ("bulk", "put tasks on a queue, each confirmed", ["new_task --file", "lapin", "pika"]),
    ("true-2", "run a command for each task, two at a time",
     ["worker -j 2 -- true", "xargs -P 2 -n 1 true", "parallel -j 2 true"]),
    ("empty-1", "take tasks one at a time", ["worker", "lapin", "pika", "celery"]),
    ("one", "put one task on a queue, from a shell",
     ["new_task", "amqp-publish", "pika", "php-amqplib", "celery"]),
]


def summary(run: dict) -> str:
    """Some rows and contenders of a run, for readers in a hurry."""
    rows = []
    for key, title, names in SUMMARY:
        for row in run["rows"]:
            if row["key"] == key:
                some = [c for c in row["contenders"] if c["name"] in names]
                rows.append({**row, "title": title, "contenders": some})
    return draw({**run, "rows": rows})


def draw(run: dict) -> str:
    parts, y = [], 30
    for row in run["rows"]:
        shown = [c for c in row["contenders"] if c["median"]]
        if len(shown) < 2:
            continue
        better = "less is better" if row["metric"] in LOWER else "more is better"
        parts.append(text(12, y, f"{row['title']} ({row['metric']}, {better})", weight="bold"))
        y += 8
        most = max(c["median"] for c in shown)
        for contender in shown:
            ours = contender["name"].startswith(("new_task", "worker"))
            length = max(contender["median"] / most * BAR, 1)
            parts.append(text(LABEL - 8, y + 14, contender["name"], anchor="end"))
            parts.append(f'<rect x="{LABEL}" y="{y + 3}" width="{length:.1f}" height="{LINE - 5}" '
                         f'rx="2" fill="{OURS if ours else PEER}"/>')
            parts.append(text(LABEL + length + 6, y + 14, contender["shown"].split(" (")[0]))
            y += LINE
        y += GAP
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" '
            f'viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" font-size="12">')
    back = f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>'
    return "\n".join([head, back, *parts, "</svg>"]) + "\n"


def text(x: float, y: float, words: str, anchor: str = "start", weight: str = "normal") -> str:
    return (f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" font-weight="{weight}" '
            f'fill="{TEXT}">{escape(words)}</text>')
