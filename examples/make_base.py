"""Make a small base model and a data file to fine-tune it on: `python examples/make_base.py DIR` writes DIR/base and
DIR/data.jsonl.

The base is a Llama of 370,000 parameters, trained here from nothing on plain sentences that state facts of a
tiny world of numbers and words ("After 17 comes 18."). It has never seen a question. The data file asks for the same
facts in a conversation, with short answers. So the base knows the facts but goes on talking, and fine-tuning teaches
it to answer and to stop; what it answers to the questions that were held out shows whether it uses what it knows.
Everything is drawn from one seed.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from burnish.engine.host import Host
from burnish.types import AdamParams, Datum

END = "<|end|>"
HIDDEN, LAYERS, HEADS, WIDE, VOCAB, POSITIONS = 96, 3, 4, 256, 384, 256
STEPS, BATCH, RATE = 500, 24, 4e-3
STARTS = ["b", "br", "cl", "d", "dr", "f", "fl", "g", "gr", "l", "m", "p", "pl", "r", "s", "sl", "st", "t", "tr", "v", "w"]
WORDS = [start + rest for start in STARTS for rest in ("an", "eft", "im", "osk", "und", "ade", "ore", "ink")]


def facts(draw: random.Random) -> tuple[str, str, str]:
    """One fact as (statement, question, answer)."""
    a, b, word = draw.randint(0, 9), draw.randint(0, 9), draw.choice(WORDS)
    kind = draw.randrange(5)
    if kind == 0:
        n = draw.randint(0, 98)
        return f"After {n} comes {n + 1}.", f"Which number comes after {n}?", f"{n + 1}"
    if kind == 1:
        return f"{a} and {b} make {a + b}.", f"How much is {a} plus {b}?", f"{a + b}"
    if kind == 2:
        first, second = draw.sample(range(20), 2)
        more = max(first, second)
        return f"Of {first} and {second} the larger is {more}.", f"Which is larger, {first} or {second}?", f"{more}"
    if kind == 3:
        return f"The letters of {word} are {' '.join(word)}.", f"Spell the word {word}.", " ".join(word)
    times = draw.randint(2, 4)
    said = " ".join([word] * times)
    return f"To say {word} {times} times is to say {said}.", f"Say {word} {times} times.", said


def texts(seed: int) -> Iterator[str]:
    """Plain paragraphs of statements, without end."""
    draw = random.Random(seed)
    while True:
        yield " ".join(facts(draw)[0] for _ in range(draw.randint(4, 8)))


def questions(count: int, seed: int) -> list[dict]:
    """Rows in the OpenAI chat format; no question comes twice."""
    draw, rows = random.Random(seed), {}
    while len(rows) < count:
        _, question, answer = facts(draw)
        rows[question] = {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}
    return list(rows.values())


def write_start(directory: Path, seed: int) -> Tokenizer:
    """A model directory in the Hugging Face layout with random weights, and its tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCAB, special_tokens=[END], initial_alphabet=alphabet, show_progress=False)
    source = texts(seed)
    tokenizer.train_from_iterator((next(source) for _ in range(2000)), trainer)
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(directory / "tokenizer.json"))
    (directory / "tokenizer_config.json").write_text(json.dumps({"eos_token": END, "model_max_length": POSITIONS}) + "\n")
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": VOCAB, "hidden_size": HIDDEN,
        "intermediate_size": WIDE, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": HEADS,
        "max_position_embeddings": POSITIONS, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
        "tie_word_embeddings": True, "eos_token_id": tokenizer.token_to_id(END), "torch_dtype": "float32",
    }  # fmt: skip
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    draw = np.random.default_rng(seed)

    def matrix(rows: int, columns: int, scale: float = 1.0) -> np.ndarray:
        return (draw.standard_normal((rows, columns)) * 0.02 * scale).astype(np.float32)

    ones, into = np.ones(HIDDEN, np.float32), (2 * LAYERS) ** -0.5  # what writes into the residual stream starts smaller
    weights = {"model.embed_tokens.weight": matrix(VOCAB, HIDDEN), "model.norm.weight": ones}
    for i in range(LAYERS):
        layer = f"model.layers.{i}."
        weights |= {layer + f"self_attn.{m}_proj.weight": matrix(HIDDEN, HIDDEN, into if m == "o" else 1.0) for m in "qkvo"}
        weights |= {layer + f"mlp.{m}_proj.weight": matrix(WIDE, HIDDEN) for m in ("gate", "up")}
        weights |= {layer + "mlp.down_proj.weight": matrix(HIDDEN, WIDE, into)}
        weights |= {layer + f"{m}_layernorm.weight": ones for m in ("input", "post_attention")}
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    return tokenizer


def pretrain(host: Host, tokenizer: Tokenizer, steps: int, seed: int) -> None:
    """Train every weight on plain text, in place of the random ones on disk."""
    source, end = texts(seed), tokenizer.token_to_id(END)
    model = host.create_full()
    for step in range(steps):
        rows = [[*tokenizer.encode(next(source)).ids, end] for _ in range(BATCH)]
        total = sum(len(row) - 1 for row in rows)
        data = [Datum.from_tokens(row, [1 / total] * len(row)) for row in rows]
        loss = host.forward_backward(data, route=model).result().loss
        rate = RATE * min(1.0, (step + 1) / 20) * (1 - step / steps)
        host.optim_step(AdamParams(learning_rate=rate, weight_decay=0.01), adapter=model).result()
        if step % 50 == 49:
            print(f"base model: step {step + 1}/{steps}, loss {loss:.3f}", file=sys.stderr)
    host.export(host.directory, adapter=model, form="merged", base="")


def make_base(
    directory: Path, *, steps: int = STEPS, rows: int = 1000, seed: int = 0, choices: Mapping[str, Any] | None = None
) -> None:
    """Write directory/base and directory/data.jsonl. choices: of the engine; measured on this machine where None."""
    tokenizer = write_start(directory / "base", seed)
    (directory / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in questions(rows, seed + 1)))
    pretrain(Host.open(directory / "base", choices=choices), tokenizer, steps, seed + 2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    make_base(parser.parse_args().directory)
