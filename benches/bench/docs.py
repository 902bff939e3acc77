"""Writes a run to docs/benchmarks.md and docs/benchmarks.svg. The words before the mark stay."""

from __future__ import annotations

from pathlib import Path

from . import picture, table

MARK = "<!-- What follows is written by scripts/bench --docs -->"


def write(root: Path, run: dict) -> None:
    page = root / "docs" / "benchmarks.md"
    words = page.read_text().split(MARK)[0].rstrip()
    facts = "\n".join(f"- {name}: {value}" for name, value in run["machine"].items())
    how = (f"{run['rounds']} rounds, contenders in turn, {run['seconds'] / 60:.0f} minutes"
           + (", `--quick`" if run["quick"] else ""))
    page.write_text(f"{words}\n\n{MARK}\n\n## The run\n\n{facts}\n- run: {how}\n\n"
                    "![Bars for each row: ours in green, the peers in grey](benchmarks.svg)\n\n"
                    f"{table.markdown(run)}")
    (root / "docs" / "benchmarks.svg").write_text(picture.draw(run))
