"""A whole model as GGUF, the file that llama.cpp and Ollama load, and an Ollama Modelfile beside it.

Settings are those of llama.cpp's own converter (convert_hf_to_gguf.py); its package `gguf` (the extra `gguf`) writes the file.
What llama.cpp would compute otherwise, or split into other tokens, is refused: a file that loads and says something else is worse
than none.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from burnish.engine.arch import Arch
from burnish.engine.families import read_arch
from burnish.errors import CapabilityMissing, ModelRefused, TemplateError
from burnish.render.jinja import ConversationRefused
from burnish.render.renderer import Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.store.atomic import read_json
from burnish.types import Message

Precision = Literal["auto", "f32", "f16", "bf16", "q8_0"]
ROUNDING: dict[str, float] = {"auto": 1e-6, "f32": 1e-6, "f16": 1e-3, "bf16": 5e-3, "q8_0": 1e-2}
"""By how much of the largest of its tensor a value may differ when the file is read again."""
FILE, MODELFILE = "model.gguf", "Modelfile"
_DIGITS, _DIGIT_RUNS = r"\p{N}", r"\p{N}{1,3}"
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_SPLITS = {_WORDS % _DIGITS: "qwen2", _WORDS % _DIGIT_RUNS: "llama-bpe"}


def check(model: Path) -> Arch:
    """What a model directory holds, if llama.cpp computes the same. Raises CapabilityMissing for what it does not."""
    from burnish.engine import gguf

    gguf.need_package()
    Tokenizer.load(model)  # which says what is wrong where there is none
    config = read_json(model / "config.json")
    if config.get("model_type") not in gguf.FAMILIES:
        kind = config.get("model_type")
        raise CapabilityMissing(f"models of the family {kind} cannot be written as GGUF yet", todo="use --to merged")
    arch = read_arch(config)
    why = _differs(arch)
    if why:
        raise CapabilityMissing(f"llama.cpp would compute this model otherwise: {why}", todo="use --to merged")
    split_of(model)
    return arch


def _differs(arch: Arch) -> str:
    """What llama.cpp takes for granted of a family and this model does not have; empty where nothing is."""
    every_fourth = tuple(i for i in range(arch.layers) if (i + 1) % 4 == 0)
    pattern = {"gemma2": 2, "gemma3_text": 6}.get(arch.family)
    rope, near = arch.rope, arch.window_rope
    yarn = rope.kind == "yarn" and (rope.beta_fast, rope.beta_slow, rope.truncate) != (32.0, 1.0, True)
    sharp = 1 + 0.1 * math.log(rope.factor) if rope.kind == "yarn" and rope.factor > 1 else 1.0
    biased = arch.o_bias or arch.mlp_bias or arch.qkv_bias
    normalised = {"qwen3_moe": True, "olmoe": False}.get(arch.family)
    reasons = {
        "its layers without positions are not every fourth one": arch.family == "smollm3" and arch.unturned != every_fourth,
        "its layers with a window are not those of the family": pattern is not None
        and arch.windows != tuple(_window(arch) if (i + 1) % pattern else 0 for i in range(arch.layers)),
        f"its layers see {_window(arch)} of {arch.max_positions} positions": pattern is None
        and 0 < _window(arch) < arch.max_positions,
        "its attention is scaled by another number than the head's width": not math.isclose(arch.q_factor, 1.0, rel_tol=1e-6),
        "its positions are scaled by LongRoPE": rope.kind == "given",
        "its YaRN has settings of its own": yarn or not math.isclose(rope.attention_factor, sharp, rel_tol=1e-6),
        "it turns a part of each head by scaled frequencies": bool(arch.rotary) and rope.kind != "default",
        "its near layers turn by other frequencies than the family's": near is not None
        and (near.kind, near.theta) != ("default", 10_000.0),
        "its experts' weights are added up otherwise": arch.experts is not None and arch.experts.normalised != normalised,
        "its scores or logits have no cap": arch.family == "gemma2" and not (arch.attention_cap and arch.logit_cap),
        "its scores or logits have a cap": arch.family != "gemma2" and bool(arch.attention_cap or arch.logit_cap),
        "it has biases": biased and arch.family not in ("llama", "mistral") and (arch.family != "qwen2" or arch.o_bias),
    }
    return next((why for why, is_so in reasons.items() if is_so), "")


def _window(arch: Arch) -> int:
    return max(arch.windows, default=0)


def split_of(model: Path) -> str:
    """llama.cpp's name for how this tokenizer splits text before it merges. Raises CapabilityMissing for other tokenizers."""
    found = read_json(model / "tokenizer.json")
    body, steps = found["model"], found.get("pre_tokenizer") or {}
    parts = steps.get("pretokenizers", [steps])
    name = ""
    if body.get("type", "BPE") == "BPE" and not body.get("byte_fallback") and parts[-1].get("type") == "ByteLevel":
        name = _split_named(parts[:-1], parts[-1])
    whole, normal = bool(body.get("ignore_merges")), (found.get("normalizer") or {}).get("type")
    if name == "llama-bpe" and not whole:
        name, whole = "dbrx", True  # the same split, but every word is merged
    if name and normal in (None, "NFC" if name == "qwen2" else None) and whole == (name in ("llama-bpe", "dbrx")):
        return name
    raise CapabilityMissing(
        "llama.cpp would split text into other tokens than this tokenizer, or it is not known whether it would",
        seen=f"model {body.get('type')}, normalizer {normal}, pre-tokenizer {json.dumps(steps)[:200]}",
        todo="use --to merged; byte-level BPE as in GPT-2, Llama 3, Qwen2 and SmolLM can be written",
    )


def _split_named(before: Sequence[Mapping[str, Any]], byte_level: Mapping[str, Any]) -> str:
    """The name of these steps of splitting, or nothing."""
    if byte_level.get("add_prefix_space"):
        return ""
    if byte_level.get("use_regex", True):
        return {0: "gpt-2", 1: "smollm" if before[:1] == [{"type": "Digits", "individual_digits": True}] else ""}.get(
            len(before), ""
        )
    if len(before) != 1 or before[0].get("type") != "Split":
        return ""
    split = before[0]
    known = _SPLITS.get(split.get("pattern", {}).get("Regex", ""), "")
    return known if split.get("behavior") == "Isolated" and not split.get("invert") else ""


def write(model: Path, out: Path, *, precision: Precision = "auto", name: str = "model") -> list[Path]:
    """Write `out`/model.gguf and a Modelfile from a model directory.

    precision: of matrices ("auto" is that of the directory); norms and biases are float32. Raises as `check` does.
    """
    from burnish.engine.gguf import FAMILIES, need_package, stored_as, tensors

    gguf = need_package()
    arch = check(model)
    kind = stored_as(model) if precision == "auto" else precision
    place = gguf.MODEL_ARCH[FAMILIES[arch.family]]
    writer = gguf.GGUFWriter(str(out / FILE), gguf.MODEL_ARCH_NAMES[place])
    writer.add_name(name)
    writer.add_file_type({"f32": 0, "f16": 1, "q8_0": 7, "bf16": 32}[kind])
    _write_shape(gguf, writer, arch)
    tokenizer = Tokenizer.load(model)
    _write_tokens(gguf, writer, model, tokenizer, arch.vocab)
    for tensor_name, values in tensors(model, arch):
        matrix = values.ndim > 1 and "norm" not in tensor_name and "ffn_gate_inp" not in tensor_name
        own = gguf.GGMLQuantizationType[kind.upper() if matrix and not _is_odd(values, kind) else "F32"]
        writer.add_tensor(tensor_name, gguf.quants.quantize(values, own), raw_dtype=own)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    (out / MODELFILE).write_text(modelfile(tokenizer), "utf-8")
    return [out / FILE, out / MODELFILE]


def _is_odd(values: np.ndarray, kind: str) -> bool:
    """Whether rows cannot be cut into blocks of 32, as q8_0 needs them."""
    return kind == "q8_0" and values.shape[-1] % 32 != 0


def _write_shape(gguf: Any, writer: Any, arch: Arch) -> None:
    positions = arch.max_positions
    writer.add_context_length(positions)
    writer.add_embedding_length(arch.hidden)
    writer.add_block_count(arch.layers)
    writer.add_feed_forward_length(arch.intermediate)
    writer.add_head_count(arch.heads)
    writer.add_head_count_kv(arch.kv_heads)
    writer.add_key_length(arch.head_dim)
    writer.add_value_length(arch.head_dim)
    writer.add_layer_norm_rms_eps(arch.norm_eps)
    writer.add_vocab_size(arch.vocab)
    writer.add_rope_freq_base(arch.rope.theta)
    writer.add_rope_dimension_count(arch.rotary or arch.head_dim)
    if arch.rope.kind in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(arch.rope.kind))
        writer.add_rope_scaling_factor(arch.rope.factor)
        writer.add_rope_scaling_orig_ctx_len(arch.rope.original_max_positions)
    if arch.windows or arch.family == "phi3":
        writer.add_sliding_window(_window(arch))
    if arch.attention_cap:
        writer.add_attn_logit_softcapping(arch.attention_cap)
    if arch.logit_cap:
        writer.add_final_logit_softcapping(arch.logit_cap)
    if arch.experts:
        writer.add_expert_count(arch.experts.count)
        writer.add_expert_used_count(arch.experts.chosen)
        writer.add_expert_feed_forward_length(arch.intermediate)
        writer.add_expert_weights_norm(arch.experts.normalised)


def _write_tokens(gguf: Any, writer: Any, model: Path, tokenizer: Tokenizer, vocab: int) -> None:
    found = read_json(model / "tokenizer.json")
    largest = max([*found["model"]["vocab"].values(), *(a["id"] for a in found.get("added_tokens", ()))])
    if largest >= vocab:
        raise ModelRefused("the tokenizer has ids beyond the model's vocabulary", seen=f"id {largest} of {vocab}")
    names: list[str | None] = [None] * vocab
    types = [gguf.TokenType.UNUSED] * vocab
    for token, i in found["model"]["vocab"].items():
        names[i], types[i] = token, gguf.TokenType.NORMAL
    for added in found.get("added_tokens", ()):
        names[added["id"]] = added["content"]
        types[added["id"]] = gguf.TokenType.CONTROL if added.get("special") else gguf.TokenType.USER_DEFINED
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(split_of(model))
    writer.add_token_list([f"[PAD{i}]" if n is None else n for i, n in enumerate(names)])
    writer.add_token_types(types)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in found["model"]["merges"]])
    for value, add in (
        (tokenizer.bos_id, writer.add_bos_token_id),
        (tokenizer.eos_id, writer.add_eos_token_id),
        (tokenizer.pad_id, writer.add_pad_token_id),
    ):
        if value is not None:
            add(value)
    closers = Renderer(tokenizer).layout.closers
    if closers and closers[0] != tokenizer.eos_id:
        writer.add_eot_token_id(closers[0])
    writer.add_add_bos_token(tokenizer.adds_bos)
    writer.add_add_eos_token(False)
    if tokenizer.template:
        writer.add_chat_template(tokenizer.template)


# -- Ollama -----------------------------------------------------------------------------------------------------------


def modelfile(tokenizer: Tokenizer) -> str:
    """An Ollama Modelfile: the weights, how a conversation is written (in Go's template language), and what ends an answer."""
    renderer = Renderer(tokenizer)
    lines = [f"FROM ./{FILE}"]
    template = _go_template(renderer, tokenizer)
    if template is None:
        lines.append("# The chat template is no chain of roles. Unless Ollama knows it by itself, add a TEMPLATE here.")
    else:
        lines.append(f'TEMPLATE """{template}"""')
    spelled = tokenizer.controls.spelling_of
    ends = [spelled[i] for i in dict.fromkeys((*renderer.layout.closers, *tokenizer.eos_ids)) if i in spelled]
    lines += [f"PARAMETER stop {json.dumps(end, ensure_ascii=False)}" for end in ends]
    return "\n".join(lines) + "\n"


_ROLES = ("system", "user", "assistant")


def _go_template(renderer: Renderer, tokenizer: Tokenizer) -> str | None:
    """The template as a chain of roles, where conversations put together from its parts are what the template itself writes."""

    def drawn(said: Sequence[tuple[str, str]], *, ask: bool = False) -> str:
        return renderer.spelled([Message(role=role, content=text) for role, text in said], generate=ask)  # type: ignore[arg-type]

    try:
        start, between, closing, end = _between(drawn([("user", "Q1"), ("assistant", "Q2"), ("user", "Q3")], ask=True), 3)
        user_close = drawn([("user", "Q1")]).partition("Q1")[2]
        opening, following, _ = _between(drawn([("system", "Q1"), ("user", "Q2")]), 2)
    except (TemplateError, ConversationRefused, ValueError):
        return None  # a template that knows no such conversation
    bos = tokenizer.special_names.get("bos_token", "")
    head = bos if bos and start.startswith(bos) and opening.startswith(bos) else ""
    user_open = start[len(head) :]
    parts = {
        "system": (opening[len(head) :], following.removesuffix(user_open)),
        "user": (user_open, user_close),
        "assistant": (between.removeprefix(user_close), closing.removesuffix(user_open)),
    }
    ask = end.removeprefix(user_close)
    for said in ((("system", "One"), ("user", "Two"), ("assistant", "Three"), ("user", "Four")), (("user", "Five"),)):
        if head + "".join(parts[role][0] + text + parts[role][1] for role, text in said) + ask != drawn(said, ask=True):
            return None
    if any("{{" in text or '"""' in text for pair in parts.values() for text in pair):
        return None
    cases = [
        f'{{{{ {"else if" if i else "if"} eq .Role "{role}" }}}}{parts[role][0]}{{{{ .Content }}}}{parts[role][1]}'
        for i, role in enumerate(_ROLES)
    ]
    lead = "" if tokenizer.adds_bos else head
    return f"{lead}{{{{ range .Messages }}}}{''.join(cases)}{{{{ end }}}}{{{{ end }}}}{ask}"


def _between(text: str, words: int) -> list[str]:
    """What stands before, between and behind the words Q1, Q2 and so on. Raises ValueError where one is missing."""
    found = []
    for n in range(1, words + 1):
        before, at, text = text.partition(f"Q{n}")
        if not at:
            raise ValueError(f"Q{n}")
        found.append(before)
    return [*found, text]
