"""The models and data that every benchmark runs on, made here from a seed: nothing is downloaded.

Models: random-init Qwen3 decoders (dense, grouped-query attention, q/k norm, tied embeddings) written as Hugging Face
directories by `transformers` itself, so that no peer is handicapped by our writer. Random weights are enough for speed and
say nothing about quality.

Data: 2,000 chats whose lengths follow a log-normal (median 144 tokens, 90th percentile near 382) clipped to 24..604, which
is the long-tailed shape of public chat sets, and 64 prompts with a length limit each. Words are invented from syllables
with Zipf frequencies, and the byte-level BPE tokenizer (8,192 entries) is trained on them.

Layout of the made folder: `S/` or `M/` (model and tokenizer), `chats.jsonl` (messages), `chats.ids.json` (the same chats as
token ids), `prompts.json` ({"prompts": ids, "limits": new tokens each}), `facts.json` (counts, for the record).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

CHATS, PROMPTS = 2000, 64
PROMPT_TOKENS, NEW_TOKENS = 3809, 4643
VOCABULARY = 8192
_SHAPE = ("num_hidden_layers", "hidden_size", "num_attention_heads", "num_key_value_heads", "intermediate_size")
SIZES = {
    "S": dict(zip(_SHAPE, (7, 384, 6, 2, 1152), strict=True)),  # 15.2M parameters
    "M": dict(zip(_SHAPE, (16, 768, 12, 4, 2304), strict=True)),  # 116.4M
    "L": dict(zip(_SHAPE, (28, 1024, 16, 8, 3072), strict=True), head_dim=128, vocab_size=151_936),  # 596M, for a GPU
}
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make(root: Path, size: str = "S") -> Path:
    """Make what is missing under `root` (tens of seconds the first time) and return `root`."""
    root.mkdir(parents=True, exist_ok=True)
    if not (root / "facts.json").exists():
        _make_data(root)
    if not (root / size / "model.safetensors").exists():
        _make_model(root, size)
    return root


def _make_words(rng: np.random.Generator, n: int) -> list[str]:
    onsets = ["", *"bcdfghjklmnprstvz", "br", "ch", "dr", "fl", "gr", "pl", "sh", "sk", "st", "th", "tr"]
    rhymes = ["a", "e", "i", "o", "u", "ai", "an", "ar", "el", "en", "er", "in", "is", "on", "or", "ou", "um", "us"]
    words: dict[str, None] = {}
    while len(words) < n:
        syllables = int(rng.choice([1, 2, 3, 4], p=[0.15, 0.4, 0.3, 0.15]))
        pairs = zip(rng.integers(len(onsets), size=syllables), rng.integers(len(rhymes), size=syllables), strict=True)
        words["".join(onsets[i] + rhymes[j] for i, j in pairs)] = None
    return sorted(words, key=len)


def _train_tokenizer(text: list[str]):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|pad|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(text, trainer)
    assert bpe.get_vocab_size() == VOCABULARY, bpe.get_vocab_size()
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token="<|pad|>", eos_token="<|im_end|>", chat_template=CHATML, model_max_length=2048
    )


def _make_data(root: Path) -> None:
    rng = np.random.default_rng(20261120)
    words = _make_words(rng, 9000)
    zipf = np.cumsum(1.0 / np.arange(3, len(words) + 3))

    def draw(n: int) -> list[int]:
        return np.searchsorted(zipf, rng.random(n) * zipf[-1]).tolist()

    corpus = [" ".join(words[i] for i in draw(200)) for _ in range(1500)]
    tokenizer = _train_tokenizer(corpus + ["user", "assistant"] * 1500)
    tokenizer.save_pretrained(root / "tokenizer")
    costs = [len(ids) for ids in tokenizer([" " + word for word in words])["input_ids"]]
    bare_costs = {word: len(ids) for word, ids in zip(words, tokenizer(words)["input_ids"], strict=True)}
    fillers = [word for word, cost in zip(words, costs, strict=True) if cost == 1]

    def passage(tokens: int) -> str:
        """Words whose encoding is exactly `tokens` long. A word's cost differs with and without a space before it."""
        text = next(w for w in (words[i] for i in draw(1000)) if bare_costs[w] <= tokens)
        left = tokens - bare_costs[text]
        while left > 0:
            pick = draw(1)[0]
            word, cost = (words[pick], costs[pick]) if costs[pick] <= left else (fillers[pick % len(fillers)], 1)
            text, left = f"{text} {word}", left - cost
        return text

    def chat(tokens: int) -> tuple[list[dict[str, str]], list[int]]:
        turns = 2 if tokens < 200 or rng.random() < 0.6 else 4
        room = tokens - 5 * turns  # <|im_start|> role \n ... <|im_end|> \n
        shares = rng.dirichlet([2.0 if t % 2 == 0 else 5.0 for t in range(turns)])
        lengths = np.maximum(3, np.floor(shares * room)).astype(int)
        lengths[int(lengths.argmax())] += room - int(lengths.sum())
        roles = ["user", "assistant"] * (turns // 2)
        messages = [{"role": r, "content": passage(int(n))} for r, n in zip(roles, lengths, strict=True)]
        ids = list(tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False))
        assert len(ids) == tokens, (len(ids), tokens)
        return messages, ids

    lengths = np.clip(np.round(147 * np.exp(0.761 * rng.standard_normal(CHATS))), 24, 604).astype(int)
    chats = [chat(int(n)) for n in lengths]
    with open(root / "chats.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps({"messages": messages}) + "\n" for messages, _ in chats)
    (root / "chats.ids.json").write_text(json.dumps([ids for _, ids in chats]))

    prompt_lengths = _with_sum(rng.integers(16, 104, PROMPTS), PROMPT_TOKENS, 12, 120)
    limits = _with_sum(rng.integers(8, 137, PROMPTS), NEW_TOKENS, 8, 128)
    flat = np.concatenate([np.asarray(ids) for _, ids in chats])
    starts = np.cumsum(prompt_lengths) - prompt_lengths
    prompts = [flat[s : s + n].tolist() for s, n in zip(starts, prompt_lengths, strict=True)]
    (root / "prompts.json").write_text(json.dumps({"prompts": prompts, "limits": limits.tolist()}))

    counts = np.array([len(ids) for _, ids in chats])
    facts = {
        "chats": CHATS,
        "tokens": int(counts.sum()),
        "shortest": int(counts.min()),
        "median": float(np.median(counts)),
        "mean": round(float(counts.mean()), 1),
        "p90": float(np.quantile(counts, 0.9)),
        "longest": int(counts.max()),
        "prompts": PROMPTS,
        "prompt_tokens": int(prompt_lengths.sum()),
        "new_tokens": int(limits.sum()),
    }
    (root / "facts.json").write_text(json.dumps(facts, indent=2) + "\n")


def _with_sum(values: np.ndarray, total: int, low: int, high: int) -> np.ndarray:
    """Nudge integers, in order and within [low, high], until they add up to `total`."""
    values, i = np.clip(values, low, high).copy(), 0
    while (gap := total - int(values.sum())) != 0:
        step = 1 if gap > 0 else -1
        if low <= values[i % len(values)] + step <= high:
            values[i % len(values)] += step
        i += 1
    return values


def _make_model(root: Path, size: str) -> None:
    import torch
    from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(root / "tokenizer")
    torch.manual_seed(0)
    config = Qwen3Config(
        **{"vocab_size": VOCABULARY, "head_dim": 64, **SIZES[size]},
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = Qwen3ForCausalLM(config)
    tokenizer.save_pretrained(root / size)
    model.save_pretrained(root / size)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the benchmark models and data.")
    parser.add_argument("--root", type=Path, default=Path(__file__).parent / ".cache")
    parser.add_argument("--size", choices=sorted(SIZES), default="S")
    arguments = parser.parse_args()
    print((make(arguments.root, arguments.size) / "facts.json").read_text(), end="")
