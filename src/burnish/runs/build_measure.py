"""What a finished base model can do, beside a 5-gram model of the same texts, and the model card that tells it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import burnish
from burnish import connect
from burnish.evals import acceptance
from burnish.evals.acceptance import Continue, Found
from burnish.evals.ngram import NGram
from burnish.render.learn import MARKERS
from burnish.render.renderer import Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.runs.progress import Progress
from burnish.store.atomic import read_json
from burnish.store.models import resolve
from burnish.tasks import ready
from burnish.tasks.task import Task
from burnish.world import world
from burnish.world.corpus import AGAIN


def texts_of(directory: Path) -> list[str]:
    """The texts of a corpus, in their order."""
    with (directory / "corpus.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def write_measured(path: Path, work: Path, say: Progress) -> None:
    """acceptance.json: every probe of the model and of a 5-gram model of the whole corpus, and the latter's like on the tasks."""
    ref = resolve(str(work / "finished"))
    policy = connect.open_policy(connect.open_engine("local", ref), ref)
    tokenizer = Tokenizer.load(work / "finished")
    probes = acceptance.probes(world.make(0))
    ours = acceptance.continue_with(policy, tokenizer)
    model = [_measured(p, ours, "", say) for p in probes]
    theirs = _go_on_with(_of_corpus(work, tokenizer), tokenizer)
    ngram = [_measured(p, theirs, "5-gram, ", say) for p in probes]
    tasks = {name: solved_by_ngram(ready.get(name), Renderer(tokenizer)) for name in ready.NAMES}
    body = {"model": [asdict(f) for f in model], "ngram": [asdict(f) for f in ngram], "tasks": tasks}
    (path / "acceptance.json").write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
    gate = {probe.name for probe in acceptance.gate()}
    for found in sorted(model, key=lambda f: f.name not in gate):
        if not found.holds:
            low, high = found.wanted
            what = "the gate of copying is not passed" if found.name in gate else "outside of what is wanted"
            say.warning(f"{found.name}: {found.share:.0%} of {found.items}, wanted {low:.0%} to {high:.0%}: {what}")


def founds(rows: Sequence[Mapping[str, Any]]) -> tuple[Found, ...]:
    """What `write_measured` wrote of a model, read again."""
    return tuple(
        Found(**{**row, "wanted": tuple(row["wanted"]), "examples": tuple((p, t) for p, t in row["examples"])}) for row in rows
    )


def _measured(probe: acceptance.Probe, go_on: Continue, who: str, say: Progress) -> Found:
    found = acceptance.measure(probe, go_on)
    say.note(f"{who}{found.name}: {found.share:.0%}")
    return found


def _of_corpus(work: Path, tokenizer: Tokenizer) -> NGram:
    end = tokenizer.eos_ids[0]
    return NGram([end, *tokenizer.encode(text), end] for text in texts_of(work / "corpus"))


def _go_on_with(model: NGram, tokenizer: Tokenizer) -> Continue:
    end = tokenizer.eos_ids[0]

    def go_on(prompts: Sequence[str], limit_tokens: int) -> list[tuple[str, bool]]:
        found = []
        for prompt in prompts:
            ids, ended = model.go_on([end, *tokenizer.encode(prompt)], limit_tokens=limit_tokens, end=end)
            found.append((tokenizer.decode(ids, continues=True, skip_special=True), ended))
        return found

    return go_on


def solved_by_ngram(task: Task, renderer: Renderer) -> dict[str, tuple[int, int]]:
    """(right answers, test rows) by kind of a 5-gram model of the task's training rows. Rows that cannot be judged are left out.

    A kind that it answers well asks for no more than knowing the commonest answer.
    """
    end = renderer.tokenizer.eos_ids[0]
    model = NGram(renderer.render(example).ids.tolist() for example in task.train)
    found: dict[str, list[bool]] = defaultdict(list)
    for example in task.test:
        ids, _ = model.go_on(renderer.prompt_of(example), limit_tokens=task.limit_tokens, end=end)
        score = task.grader.grade(example, renderer.parse(ids).content)
        if score.error is None:
            found[str(example.metadata.get("kind", task.name))].append(score.value == 1.0)
    return {kind: (sum(rights), len(rights)) for kind, rights in sorted(found.items())}


def card(work: Path, name: str, seed: int) -> str:
    """The model card."""
    facts, measured = read_json(work / "corpus" / "facts.json"), read_json(work / "measured" / "acceptance.json")
    run = read_json(work / "run" / "plan.json")
    config, again = run["config"], read_json(work / "again" / "plan.json")
    words = ", ".join(f"{part} {count:,}" for part, count in sorted(facts["words"].items(), key=lambda item: -item[1]))
    return "\n".join(
        [
            f"# {name}",
            "",
            f"A raw base model of {run['parameters']:,} parameters that has read texts of the invented country Vellmark",
            "and nothing else. It was made by `burnish world build`; no line of its corpus was written by a model or",
            "taken from anywhere.",
            "It is no assistant: it goes on with a question by asking more questions. It knows nothing of the real world.",
            "",
            f"Corpus: {facts['documents']:,} texts, {run['total_tokens']:,} tokens, sha256 `{facts['sha256']}`.",
            f"Words by part: {words}.",
            f"Of the keys of held-out rows of the ready tasks, the corpus holds {facts['contamination']}: neither do generators",
            "declare any, nor do the texts tell any when they are searched for sums, results of calls and phrasings.",
            f"The source text of the generators has the sha256 `{facts['generators']}`.",
            "",
            f"Recipe: `pretrain` of burnish {burnish.__version__}, {run['steps']:,} steps of {config['batch']} texts, learning",
            f"rate {config['learning_rate']:g}, seed {seed}; then a second reading of {facts['again']:,} texts,",
            f"{AGAIN['people']:.0%} of them new pages on people among whom strangers stand, the others of the corpus once more",
            f"({again['total_tokens']:,} tokens in {again['steps']:,} steps, the rate falling from",
            f"{again['config']['learning_rate']:g}). Control tokens other than `{MARKERS[0]}` never occurred; their",
            "embeddings are the mean of all others with a little noise.",
            "",
            "| probe | what is counted | this model (95 %) | wanted | a 5-gram model of the corpus |",
            "|---|---|---|---|---|",
            *(_probe_row(m, n) for m, n in zip(founds(measured["model"]), founds(measured["ngram"]), strict=True)),
            "",
            "A 5-gram model of the training rows of each ready task answers so many of its test rows rightly:",
            "",
            "| task | kind | right |",
            "|---|---|---|",
            *(
                f"| {task} | {kind} | {right / rows:.0%} of {rows} |"
                for task, kinds in measured["tasks"].items()
                for kind, (right, rows) in kinds.items()
            ),
            "",
            "Not to be expected of a model of this size: open conversation, facts of the real world, sums beyond three digits",
            "without steps, more than some six steps of reasoning, texts beyond 512 tokens, tools with large schemas.",
            "",
        ]
    )


def _probe_row(model: Found, ngram: Found) -> str:
    share = f"{model.share:.0%} ({model.low:.0%} to {model.high:.0%})"
    low, high = model.wanted
    wanted = f"{low:.0%} to {high:.0%}{'' if model.holds else ', **not met**'}"
    return f"| {model.name} | {model.about} | {share} | {wanted} | {ngram.share:.0%} |"
