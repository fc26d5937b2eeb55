"""Write docs/pebble/seeds.md: what the demonstration's training changes on test rows of the ready tasks, seed by seed.

    python docs/seeds.py [MODEL] [SEED ...]        # pebble, seeds 0 1 2; a long run

Each seed asks its own thousand of the test rows, spread over the kinds of question. It is a run of its own (`seeds-N` under
BURNISH_HOME), so that a stopped call goes on where it was. Differences are paired: the same question, asked before and after. The
interval is over questions, clustered by what they have in common (a person, an act), of the mean over the seeds that asked one;
how much the seeds differ stands beside it. By kind of question, the last column is what a 5-gram model of the same training rows
answers rightly of all test rows.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

from burnish import statistics
from burnish.evals.evaluation import Answer, Evaluation
from burnish.runs import api, demo, train
from burnish.runs.build_measure import solved_by_ngram
from burnish.store.atomic import read_json
from burnish.tasks import ready

HERE = Path(__file__).resolve().parent
ROWS = 1000


def measured(model: str, seed: int) -> tuple[Evaluation, Evaluation]:
    """Before and after one run; made now unless it is there and finished."""
    name = f"seeds-{seed}"
    known = {folder.path.name: folder for folder in api.list_runs()}
    if name in known and known[name].status == "succeeded":
        folder = known[name].path
    elif name in known:
        folder = train.resume(name).folder
    else:
        folder = train.start(demo.settings([f"model={model}", f"seed={seed}", f"eval_items={ROWS}"]), run=name).folder
    return tuple(Evaluation.from_json(read_json(folder / file)) for file in (train.BASE, train.TRAINED))  # type: ignore[return-value]


def row(name: str, pairs: list[tuple[Evaluation, Evaluation]], kinds: tuple[str, ...], counts: Callable[[Answer], bool]) -> str:
    """One line of the table: the share before, after each seed, and the mean difference with its interval."""
    before: dict[tuple[str, str], bool] = {}
    after: dict[tuple[str, str], list[bool]] = {}
    seeds: list[str] = []
    for base, trained in pairs:
        asked = [(b, t) for b, t in zip(base.items, trained.items, strict=True) if (b.kind or "").startswith(kinds)]
        judged = [(b, t) for b, t in asked if not b.errors and not t.errors]
        for b, t in judged:
            before[b.group, b.prompt] = counts(b.answers[0])
            after.setdefault((b.group, b.prompt), []).append(counts(t.answers[0]))
        seeds.append(f"{fmean(counts(t.answers[0]) for _, t in judged):.0%}".removesuffix("%") if judged else "-")
    if not before:
        return f"| {name} | 0 | | not judged | | |"
    groups = [group for group, _ in before]
    mean = statistics.cluster_interval([fmean(after[key]) - before[key] for key in before], groups)
    change = f"{100 * mean.estimate:+.0f} ({100 * mean.low:+.0f} to {100 * mean.high:+.0f})"
    return f"| {name} | {len(before)} | {len(set(groups))} | {fmean(before.values()):.0%} | {', '.join(seeds)} % | {change} |"


def ngrams(model: str) -> dict[str, str]:
    """Share of the test rows that a 5-gram model answers rightly, by kind of question."""
    renderer = api.load(model).renderer
    found = {task: solved_by_ngram(ready.get(task), renderer) for task in ready.NAMES}
    shares = {f"{task}: {kind}": right / rows for task, kinds in found.items() for kind, (right, rows) in kinds.items()}
    return {begin: f"{max(s for kind, s in shares.items() if kind.startswith(begin)):.0%}" for begin in demo.KINDS}


def main(model: str, seeds: list[int]) -> None:
    """Train and measure, then write the page."""
    pairs = [measured(model, seed) for seed in seeds]
    head = "| what | questions | independent | before | after, by seed | change in points (95 %) |\n|---|---|---|---|---|---|"
    lines = [
        f"# What the demonstration changes, over {len(seeds)} seeds",
        "",
        (__doc__ or "").split("\n\n")[-1].strip(),
        "",
        head,
    ]
    lines += [row(c.name, pairs, c.kinds, c.counts) for c in demo.HEADLINES]
    wider = head.replace(" |\n", " | 5-gram |\n") + "---|"
    lines += ["", "Right answers, by kind of question:", "", wider]
    right = next(c.counts for c in demo.HEADLINES if c.name == "known facts said right")
    shares = ngrams(model)
    lines += [f"{row(name, pairs, (kind,), right)} {shares[kind]} |" for kind, name in demo.KINDS.items()]
    out = HERE / "pebble" / "seeds.md"
    out.write_text("\n".join(lines) + "\n", "utf-8")
    print(out.read_text("utf-8"))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else demo.MODEL, [int(n) for n in sys.argv[2:]] or [0, 1, 2])
