"""Puts one result into docs/performance.md, between the markers of its kind and size.

Run alone it renders a stored result again: `python page.py results/NAME.json`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from measure import read_json

KINDS = ("sft", "lora", "generate", "alone", "grpo")


def write_page(page: Path, result: dict, name: str) -> None:
    """Replace what stands between `<!-- begin KIND SIZE -->` and `<!-- end KIND SIZE -->` for each kind in the result."""
    text = page.read_text(encoding="utf-8")
    for what in KINDS:
        if what not in result:
            continue
        begin, end = (f"<!-- {edge} {what} {result['size']} -->" for edge in ("begin", "end"))
        if text.count(begin) != 1 or text.count(end) != 1:
            sys.exit(f"{page.name} has no place for this table: it needs the lines {begin} and {end}")
        head, rest = text.split(begin)
        text = f"{head}{begin}\n{table(what, result, name)}\n{end}{rest.split(end)[1]}"
    page.write_text(text, encoding="utf-8")


def table(what: str, result: dict, name: str) -> str:
    """The Markdown of one comparison: the rounds, then the survey."""
    outcome = result[what]
    rounds, survey, equal = outcome["rounds"], outcome["survey"], outcome.get("equal_answers")
    lines = [
        "| | tokens/s, median (range) | peak RSS, MB | burnish is faster by (range) |" + (" same tokens |" if equal else ""),
        "|---|---|---|---|" + ("---|" if equal else ""),
    ]
    for side, row in outcome["summary"].items():
        low, high = row["range"]
        ratio = "" if side == "burnish" else f"**{row['ratio']:.2f}x** ({row['ratio_range'][0]:.2f}-{row['ratio_range'][1]:.2f})"
        line = f"| {side} | {row['tokens_per_s']:.0f} ({low:.0f}-{high:.0f}) | {row['peak_rss_mb']:.0f} | {ratio} |"
        lines.append(line + (f" {equal[side]:.1%} |" if equal and side in equal else " |" if equal else ""))
    others = max(line["others_cores"] or 0.0 for figures in rounds for line in figures.values())
    noisy = sum(row["noisy_rounds"] for row in outcome["summary"].values())
    modes = ", ".join(f"{side} {line['tokens_per_s']:.0f}{' (noisy)' if line['noisy'] else ''}" for side, line in survey.items())
    first = rounds[0]["burnish"]
    lines += [
        "",
        f"{result['date']}, {result['machine']['cpu']} ({', '.join(result['machine']['instructions'])}), "
        f"{len(rounds)} rounds, {first['threads']} threads, burnish in {first['dtype']}. "
        f"Other processes took at most {others:.2f} cores during a run; {noisy} runs are noisy. "
        f"Survey of the peer's modes, tokens/s, one run each: {modes}. "
        f"Every figure: `benchmarks/results/{name}`.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    stored = Path(sys.argv[1])
    write_page(Path(__file__).parent.parent / "docs" / "performance.md", read_json(stored), stored.name)
