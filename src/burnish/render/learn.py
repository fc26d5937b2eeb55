"""Learning a tokenizer from texts: byte-level BPE (Sennrich et al. 2016, arXiv 1508.07909) with every digit a token of its own.

The first ids are control tokens: `<|end|>`, which opens and closes every text and ends every turn, the roles of a conversation,
and spare ones, so that post-training can give them a meaning. No text is ever parsed into them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|end|>"
MARKERS = (END, "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>", "<|call|>", "<|think|>", "<|pad|>")
"""Control tokens with a name; the rest of `controls` are spare."""
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
"""The chat template: each turn is its role's marker, its text and the end token."""
TOOL_TEMPLATE = (
    "{{ bos_token }}{% if tools %}{{ '<|system|>' }}{% for tool in tools %}{% set about = tool['function'] %}"
    "{{ about['name'] + '(' }}{% for name in (about['parameters'] or {})['properties'] or {} %}"
    "{{ name }}{% if not loop.last %}{{ ', ' }}{% endif %}{% endfor %}{{ ')' }}"
    "{% if about['description'] %}{{ ': ' + about['description'] }}{% endif %}{% if not loop.last %}{{ '\n' }}{% endif %}"
    "{% endfor %}{{ '<|end|>' }}{% endif %}"
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] }}"
    "{% for call in message['tool_calls'] or [] %}{% set given = call['function']['arguments'] %}"
    "{{ '<|call|>' + call['function']['name'] + '(' }}"
    "{% if given is string %}{{ given }}{% elif given|length == 1 %}{% for name in given %}"
    "{% if given[name] is string %}{{ given[name] }}{% else %}{{ given[name]|tojson }}{% endif %}{% endfor %}"
    "{% elif given %}{{ given|tojson }}{% endif %}{{ ')' }}{% endfor %}{{ '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
"""The same for conversations with tools: each tool a line of the first turn, each call `name(argument)` behind its marker."""
TOOL_FILE = "additional_chat_templates/tool_use.jinja"
"""Where it stands, as transformers has it."""


def learn_bpe(texts: Iterable[str], directory: Path, *, vocab: int, positions: int, controls: int = 64) -> None:
    """Write tokenizer.json and tokenizer_config.json of a tokenizer of `vocab` entries, `controls` of them control tokens.

    Raises ValueError where the texts are too few for so many entries.
    """
    spare = [f"<|spare_{i}|>" for i in range(controls - len(MARKERS))]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=[*MARKERS, *spare],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() != vocab:
        raise ValueError(f"the texts give {tokenizer.get_vocab_size()} entries, not {vocab}: there are too few of them")
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(directory / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END,
        "eos_token": END,
        "pad_token": "<|pad|>",
        "model_max_length": positions,
        "chat_template": TEMPLATE,
    }
    (directory / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    (directory / TOOL_FILE).parent.mkdir(exist_ok=True)
    (directory / TOOL_FILE).write_text(TOOL_TEMPLATE, encoding="utf-8")
