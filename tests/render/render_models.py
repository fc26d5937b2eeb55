"""Tiny tokenizers and chat templates of the kinds that published models have, made here and written in our own words."""

import json
from pathlib import Path

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

from burnish.render.renderer import Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.types import Example, Message

CORPUS = [
    "Once upon a time there was a little girl named Lily. She loved to play outside in the park.",
    "What is the weather in Paris? It is sunny today, and it will be warm tomorrow.",
    'system user assistant tool\n{"name": "look", "arguments": {"at": "sky"}}\n\n  if x == 1:\n    return "ok"',
    "\n\n\nOne\n\nTwo\n\n\nThree\n\n\n\nFour\n\n",
    "I think the answer is 42, because 6 times 7 is 42. Hello, hello! Grüße aus Köln, naïve café.",
] * 3
SPECIALS = (
    "<|endoftext|> <|im_start|> <|im_end|> <s> </s> <|user|> <|assistant|> <|system|> <|observation|> [gMASK] <sop> "
    "<|start_header_id|> <|end_header_id|> <|eot_id|> <|begin_of_text|> <start_of_turn> <end_of_turn> [INST] [/INST] "
    "<|User|> <|Assistant|>"
).split()
PLAIN_ADDED = ["<think>", "</think>", "<tool_call>", "</tool_call>"]

CHATML = """{% for message in messages %}
{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{%- endfor %}
{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""

# Tools in the system turn, reasoning kept only after the last user's question, results of tools as a user's turn.
QWEN = """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n\\n' }}{%- endif %}
    {{- '# Tools\\n<tools>' }}
    {%- for tool in tools %}
        {{- '\\n' }}{{- tool | tojson }}
    {%- endfor %}
    {{- '\\n</tools><|im_end|>\\n' }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(asked=messages|length - 1, looking=true) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.looking and message.role == 'user' and message.content is string %}
        {%- set ns.looking = false %}{%- set ns.asked = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
    {%- elif message.role == 'assistant' %}
        {%- set content = message.content %}
        {%- set reasoning = '' %}
        {%- if message.reasoning_content is defined and message.reasoning_content is not none %}
            {%- set reasoning = message.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {{- '<|im_start|>assistant\\n' }}
        {%- if loop.index0 > ns.asked and (loop.last or reasoning) %}
            {{- '<think>\\n' + reasoning.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- content }}
        {%- endif %}
        {%- for call in message.tool_calls or [] %}
            {%- if (loop.first and content) or not loop.first %}{{- '\\n' }}{%- endif %}
            {%- if call.function %}{%- set call = call.function %}{%- endif %}
            {{- '<tool_call>\\n{"name": "' + call.name + '", "arguments": ' }}
            {%- if call.arguments is string %}{{- call.arguments }}{%- else %}{{- call.arguments | tojson }}{%- endif %}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == 'tool' %}
        {%- if loop.first or messages[loop.index0 - 1].role != 'tool' %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\\n<tool_response>\\n' + message.content + '\\n</tool_response>' }}
        {%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}{{- '<|im_end|>\\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}"""

LLAMA3 = """{{- bos_token }}
{%- if not date_string is defined %}{%- set date_string = strftime_now("%d %b %Y") %}{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content']|trim %}{%- set messages = messages[1:] %}
{%- else %}{%- set system = '' %}{%- endif %}
{{- '<|start_header_id|>system<|end_header_id|>\\n\\nToday: ' + date_string + '\\n\\n' }}
{%- if tools is not none %}
    {{- 'Answer with {"name": function name, "parameters": arguments}.\\n\\n' }}
    {%- for t in tools %}{{- t | tojson(indent=4) }}{{- '\\n\\n' }}{%- endfor %}
{%- endif %}
{{- system + '<|eot_id|>' }}
{%- for message in messages %}
    {%- if message.role == 'tool' or message.role == 'ipython' %}
        {{- '<|start_header_id|>ipython<|end_header_id|>\\n\\n' + message.content | tojson + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}{{- raise_exception('one tool call at a time') }}{%- endif %}
        {%- set call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
        {{- '{"name": "' + call.name + '", ' }}{{- '"parameters": ' }}{{- call.arguments | tojson }}{{- '}<|eot_id|>' }}
    {%- else %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content']|trim + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}"""

MISTRAL = """{{ bos_token }}{% for m in messages %}
{%- if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}
{%- if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}
{%- else %}{% generation %}{{ ' ' + m['content'] + eos_token }}{% endgeneration %}{% endif %}
{%- endfor %}"""

GEMMA = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}
{%- for message in messages -%}
    {%- if message['role'] == 'assistant' -%}{%- set role = 'model' -%}{%- else -%}{%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}
{%- endfor -%}
{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"""

ZEPHYR = """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>\\n'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}"""

GLM = """[gMASK]<sop>
{%- for m in messages -%}
{%- if m.role == 'tool' %}<|observation|>
{{ m.content }}
{%- elif m.role == 'assistant' %}<|assistant|>
{%- if m.content %}{{ '\\n' + m.content }}{% endif %}
{%- for c in m.tool_calls or [] %}{{ '\\n<tool_call>' + c.function|tojson + '</tool_call>' }}{% endfor %}
{%- else %}<|{{ m.role }}|>
{{ m.content }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|assistant|>{% endif %}"""

# The prompt opens the reasoning; the history shows none.
R1 = """{{ bos_token }}{% for m in messages %}
{%- if m.role == 'user' %}{{ '<|User|>' + m.content }}{% endif %}
{%- if m.role == 'assistant' %}
{%- set content = m.content %}
{%- if '</think>' in content %}{% set content = content.split('</think>')[-1].lstrip('\\n') %}{% endif %}
{{- '<|Assistant|>' + content + eos_token }}{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|Assistant|><think>\\n' }}{% endif %}"""

TEMPLATES = {
    "chatml": (CHATML, None, "<|im_end|>"),
    "qwen": (QWEN, None, "<|im_end|>"),
    "llama3": (LLAMA3, "<|begin_of_text|>", "<|eot_id|>"),
    "mistral": (MISTRAL, "<s>", "</s>"),
    "gemma": (GEMMA, "<s>", "<end_of_turn>"),
    "zephyr": (ZEPHYR, "<s>", "</s>"),
    "glm": (GLM, None, "<|endoftext|>"),
    "r1": (R1, "<s>", "</s>"),
}
"""name: (source, bos_token, eos_token)"""


def byte_level() -> tokenizers.Tokenizer:
    """Llama 3's and Qwen's kind: control tokens, and markers of answers that are tokens but not special."""
    tok = tokenizers.Tokenizer(models.BPE())
    words = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    split = pre_tokenizers.Split(tokenizers.Regex(words), "isolated")
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tok.pre_tokenizer = pre_tokenizers.Sequence([split, to_bytes])
    tok.decoder = decoders.ByteLevel()
    tok.post_processor = processors.ByteLevel(trim_offsets=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tok.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False))
    tok.add_special_tokens(SPECIALS)
    tok.add_tokens([tokenizers.AddedToken(t, normalized=False) for t in PLAIN_ADDED])
    return tok


def llama_like() -> tokenizers.Tokenizer:
    """Llama 2's kind: BPE with byte fallback, a space put before every text, BOS by post-processor."""
    tok = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tok.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    bytes_of = [f"<0x{b:02X}>" for b in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=450, special_tokens=["<unk>", "<s>", "</s>", *bytes_of], show_progress=False)
    tok.train_from_iterator([line for text in CORPUS for line in text.split("\n")], trainer)
    spec = json.loads(tok.to_str())
    spec["added_tokens"] = [t for t in spec["added_tokens"] if t["id"] < 3]  # bytes are pieces, not added tokens
    tok = tokenizers.Tokenizer.from_str(json.dumps(spec))
    tok.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tok.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 1)])
    tok.add_special_tokens(SPECIALS)
    return tok


def unigram() -> tokenizers.Tokenizer:
    """T5's and newer SentencePiece's kind: Unigram whose vocabulary holds the special tokens as pieces."""
    tok = tokenizers.Tokenizer(models.Unigram())
    tok.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tok.decoder = decoders.Metaspace(prepend_scheme="first")
    trainer = trainers.UnigramTrainer(vocab_size=220, special_tokens=["<unk>", *SPECIALS], unk_token="<unk>", show_progress=False)
    tok.train_from_iterator(CORPUS, trainer)
    return tok


KINDS = {"byte_level": byte_level, "llama_like": llama_like, "unigram": unigram}
_made: dict[str, str] = {}


def directory(where: Path, kind: str = "byte_level", *, template: str | None = None, **config: object) -> Path:
    """A model directory with a tokenizer of this kind; `config` is tokenizer_config.json."""
    where.mkdir(parents=True, exist_ok=True)
    if kind not in _made:
        _made[kind] = KINDS[kind]().to_str()
    (where / "tokenizer.json").write_text(_made[kind], encoding="utf-8")
    if template is not None:
        config["chat_template"] = template
    (where / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return where


def renderer(where: Path, name: str, kind: str = "byte_level", limit: int | None = None, **options: object) -> Renderer:
    """A Renderer for one of TEMPLATES."""
    source, bos, eos = TEMPLATES[name]
    return Renderer(Tokenizer.load(directory(where, kind, template=source, bos_token=bos, eos_token=eos)), limit, options=options)


def plain(where: Path, kind: str = "byte_level", limit: int | None = None, **config: object) -> Renderer:
    """A Renderer for a model without a template."""
    return Renderer(Tokenizer.load(directory(where, kind, **config)), limit)


def user(text: str) -> Message:
    return Message(role="user", content=text)


def assistant(text: str, **more: object) -> Message:
    return Message(role="assistant", content=text, **more)  # type: ignore[arg-type]


def chat(*messages: Message) -> Example:
    return Example(messages=messages)


def trained(r: Renderer, example: Example) -> list[str]:
    """The text of each trained stretch of a row."""
    row = r.render(example)
    assert row.fault is None, row.fault
    stretches: list[list[int]] = []
    before = False
    for i, w in zip(row.ids.tolist(), row.weights.tolist(), strict=True):
        if w and not before:
            stretches.append([])
        if w:
            stretches[-1].append(i)
        before = bool(w)
    return [r.tokenizer.decode(s, continues=True) for s in stretches]


def whole(r: Renderer, example: Example) -> str:
    return r.tokenizer.decode(r.render(example).ids.tolist(), continues=True)
