"""New tokens: rows that a vocabulary gains, rows that an adapter holds; equal to transformers and peft, in memory and on disk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from borrowed_models import borrowed_reference, open_borrowed
from helpers import CHOICES, make_data
from peft import LoraConfig, PeftModel, get_peft_model
from reference_models import reference
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, models, pre_tokenizers
from tokenizers import Tokenizer as Library
from transformers import AutoModelForCausalLM

from burnish.engine.borrowed_host import BorrowedHost
from burnish.engine.host import Host
from burnish.engine.tokens import NOISE
from burnish.errors import CapabilityMissing, ModelRefused
from burnish.evals.audits import dead_adapter
from burnish.render.extend import Extension, NewToken
from burnish.render.tokenizer import Tokenizer
from burnish.types import AdamParams, Adapter, Datum, LoraSpec, Quantize, SamplingParams

VOCAB, NEW = 96, (96, 97, 98)
PIECES = ((3, 4, 5), (6, 3), ())
KINDS = ["qwen3-tied", "qwen3-untied-bias", "gemma2", "phi3"]
SPEC = LoraSpec(rank=3, alpha=8.0, tokens=NEW)


@pytest.fixture(scope="module")
def dirs(model_dirs: dict[str, Path], family_dirs: dict[str, Path]) -> dict[str, Path]:
    return model_dirs | family_dirs


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """A tokenizer of one word an id, with the new tokens among them."""
    path = tmp_path_factory.mktemp("words")
    library = Library(models.WordLevel({f"w{i}": i for i in range(VOCAB)}, unk_token="w0"))
    library.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    library.add_tokens([AddedToken(f"<{i}>", normalized=False) for i in NEW])
    library.save(str(path / "tokenizer.json"))
    return Tokenizer.load(path)


def opened(directory: Path, words: Tokenizer, *, quantize: Quantize = "none", **changes: object) -> Host:
    tokens = tuple(NewToken(i, f"<{i}>", pieces) for i, pieces in zip(NEW, PIECES, strict=True))
    extension = Extension(directory=directory, tokenizer=words, tokens=tokens)
    choices = {**CHOICES, **changes}
    return Host.open(directory, choices=choices, checkpointing=False, quantize=quantize, extension=extension)


def trained(host: Host, spec: LoraSpec = SPEC, steps: int = 3) -> Adapter:
    adapter = host.create(spec)
    for k in range(steps):
        host.forward_backward(with_new(4, seed=k), route=adapter).result()
        host.optim_step(AdamParams(learning_rate=3e-2), adapter=adapter).result()
    return adapter


def with_new(count: int, seed: int = 0) -> list[Datum]:
    """Random sequences, a quarter of whose tokens are new."""
    draw = np.random.default_rng(seed + 100)
    data = []
    for datum in make_data(count, vocab=VOCAB, seed=seed):
        ids = np.concatenate([datum.chunks[0].tokens, datum.streams["targets"][-1:]]).astype(np.int32)  # type: ignore[union-attr]
        at = draw.random(len(ids)) < 0.25
        ids[at] = draw.choice(NEW, int(at.sum()))
        data.append(Datum.from_tokens(ids, np.concatenate([[0.0], datum.streams["weights"]]).astype(np.float32)))
    return data


def in_set(datum: Datum, number: int) -> Datum:
    """As `dpo` reads it: two of one set, against a reference that finds every token equally likely."""
    even = np.full(datum.length, -np.log(VOCAB + len(NEW)), np.float32)
    return Datum(datum.chunks, {**datum.streams, "logprobs": even, "set": np.full(1, number)})


def logprobs(host: Host, data: list[Datum], adapter: Adapter | None) -> list[np.ndarray]:
    return [o.logprobs for o in host.forward(data, route=adapter).result() if o.logprobs is not None]


def far(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    return max(float(np.abs(x - y).max()) for x, y in zip(a, b, strict=True))


def theirs(model: torch.nn.Module, data: list[Datum]) -> list[np.ndarray]:
    found = []
    with torch.no_grad():
        for datum in data:
            ids = torch.tensor(datum.chunks[0].tokens.astype(np.int64))[None]  # type: ignore[union-attr]
            each = torch.log_softmax(model.eval()(ids).logits[0], -1)
            found.append(each.gather(1, torch.tensor(datum.streams["targets"].astype(np.int64))[:, None])[:, 0].numpy())
    return found


def lengthened(host: Host, name: str) -> torch.nn.Module:
    """The model of transformers, its matrices lengthened and the new rows those of the host."""
    model = reference(name)
    model.resize_token_embeddings(VOCAB + len(NEW), mean_resizing=False)
    weights = host.decoder.weights
    with torch.no_grad():
        model.get_input_embeddings().weight[VOCAB:] = weights["embed"][VOCAB:]
        model.get_output_embeddings().weight[VOCAB:] = weights["embed" if host.arch.tied else "head"][VOCAB:]
    return model


@pytest.mark.parametrize("name", KINDS)
def test_a_new_row_is_the_mean_of_its_pieces(name: str, dirs: dict[str, Path], words: Tokenizer) -> None:
    host, plain = opened(dirs[name], words), Host.open(dirs[name], choices=CHOICES)
    assert host.arch.vocab == VOCAB + 3
    assert host.facts["added_rows"] == 3
    for matrix in {"embed", "head"} & set(host.decoder.weights):
        old, new = plain.decoder.weights[matrix], host.decoder.weights[matrix]
        assert torch.equal(new[:VOCAB], old)
        assert torch.allclose(new[96], old[[3, 4, 5]].mean(0))
        assert torch.allclose(new[97], old[[6, 3]].mean(0))
        off = (new[98] - old.mean(0)) / (NOISE * old.std(0))  # no pieces: the mean of all and a little noise
        assert 0.5 < off.std() < 1.5
        assert abs(off.mean()) < 0.6
    data = with_new(3)
    assert far(logprobs(host, data, None), theirs(lengthened(host, name), data)) < 1e-4


def test_rows_beyond_the_tokenizer_are_taken_first(dirs: dict[str, Path], words: Tokenizer) -> None:
    tokens = tuple(NewToken(i, f"<{i}>", (1, 2)) for i in (94, 95, 96))
    extension = Extension(directory=dirs["qwen3-tied"], tokenizer=words, tokens=tokens)
    host = Host.open(dirs["qwen3-tied"], choices=CHOICES, extension=extension)
    assert (host.arch.vocab, host.facts["added_rows"]) == (97, 1)
    rows = host.decoder.weights["embed"]
    assert torch.allclose(rows[94:], rows[[1, 2]].mean(0).expand(3, -1))


def test_rows_that_an_adapter_was_trained_over_stay_as_they_are(dirs: dict[str, Path], words: Tokenizer) -> None:
    """PEFT trains rows of the embedding beyond the tokenizer, and keeps those of the head: both are the files' own."""
    name = dirs["qwen3-untied-bias"]
    tokens = tuple(NewToken(i, f"<{i}>", (1, 2), brought=True) for i in (94, 95, 96))
    extension = Extension(directory=name, tokenizer=words, tokens=tokens)
    host, base = Host.open(name, choices=CHOICES, extension=extension), Host.open(name, choices=CHOICES)
    for matrix in ("embed", "head"):
        rows = host.decoder.weights[matrix]
        assert torch.equal(rows[:VOCAB], base.decoder.weights[matrix])
        assert torch.allclose(rows[96], rows[[1, 2]].mean(0))


@pytest.mark.parametrize(
    ("ids", "text", "message"),
    [((97, 98), "x", "leave rows without a token"), ((96, 400_000_000), "x", "leave rows"), ((96,), "", "neither the model nor")],
)
def test_rows_that_nothing_fills_are_refused(
    ids: tuple[int, ...], text: str, message: str, dirs: dict[str, Path], words: Tokenizer
) -> None:
    tokens = tuple(NewToken(i, text and f"<{i}>", (1,), brought=True) for i in ids)
    with pytest.raises(ModelRefused, match=message):
        Host.open(
            dirs["qwen3-tied"],
            choices=CHOICES,
            extension=Extension(directory=dirs["qwen3-tied"], tokenizer=words, tokens=tokens),
        )


def test_rows_count_one_by_one_and_those_never_read_may_stay(dirs: dict[str, Path], words: Tokenizer) -> None:
    """98 is only a target, 97 in no row: the head's rows move all the same, and the embedding's need not."""
    host = opened(dirs["qwen3-untied-bias"], words)
    adapter = host.create(SPEC)
    ids = np.array([3, 96, 4, 98], np.int32)
    for _ in range(2):
        host.forward_backward([Datum.from_tokens(ids, np.ones(4, np.float32))], route=adapter).result()
        host.optim_step(AdamParams(learning_rate=1e-2, weight_decay=0.1), adapter=adapter).result()
    sizes = host.inspect(adapter)
    assert [n for n, size in sizes.items() if size == 0] == ["tokens.embed.97", "tokens.embed.98"]  # no decay either
    audit = dead_adapter(host, adapter, read={3, 4, 96})
    assert audit.passed is True, audit.detail
    assert "2 are embeddings of new tokens that no step read" in audit.detail
    assert dead_adapter(host, adapter, read={98}).passed is False
    rows = host.bank.get(adapter).flat.views["tokens.head"]
    rows[1] = host.decoder.weights["head"][97]
    audit = dead_adapter(host, adapter, read={3, 4, 96})
    assert (audit.passed, audit.extra["dead"]) == (False, ["tokens.head.97"])


@pytest.mark.parametrize("name", KINDS)
def test_gradients_of_rows_equal_those_of_transformers(name: str, dirs: dict[str, Path], words: Tokenizer) -> None:
    """Of both uses where the matrices are tied; the rows of other tokens get none."""
    host, data = opened(dirs[name], words), with_new(5)
    adapter = host.create(SPEC)
    result = host.forward_backward(data, route=adapter).result()
    model, total = lengthened(host, name), 0.0
    for datum in data:
        ids = torch.tensor(datum.chunks[0].tokens.astype(np.int64))[None]  # type: ignore[union-attr]
        targets = torch.tensor(datum.streams["targets"].astype(np.int64))[:, None]
        each = torch.log_softmax(model(ids).logits[0], -1).gather(1, targets)[:, 0]
        loss = -(each * torch.tensor(datum.streams["weights"])).sum()
        loss.backward()
        total += loss.item()
    assert result.loss == pytest.approx(total, rel=1e-5)
    grads = host.bank.get(adapter).flat.grad_views
    embed, head = model.get_input_embeddings().weight.grad, model.get_output_embeddings().weight.grad
    for mine, expected in [(grads["tokens.embed"], embed), *([] if host.arch.tied else [(grads["tokens.head"], head)])]:
        assert (mine - expected[VOCAB:]).norm() < 1e-4 * expected[VOCAB:].norm()
    assert ("tokens.head" in grads) is not host.arch.tied


def test_rows_of_a_batch_see_their_own_adapter(dirs: dict[str, Path], words: Tokenizer) -> None:
    """Forward, gradient and set-wise loss in one batch over three adapters and the base, as each alone."""
    host, data = opened(dirs["qwen3-untied-bias"], words), with_new(8)
    routes = [trained(host), trained(host, LoraSpec(rank=2, seed=1, tokens=(97, 98))), host.create(LoraSpec(rank=2)), None]
    alone = [logprobs(host, [d], r)[0] for d, r in zip(data, routes * 2, strict=True)]
    assert far(logprobs(host, data, routes * 2), alone) < 1e-5  # type: ignore[arg-type]
    assert np.abs(alone[0] - logprobs(host, data[:1], routes[3])[0]).max() > 1e-2
    for loss in ("cross_entropy", "dpo"):
        found = []
        for together in (True, False):
            copies = [host.copy(r) for r in routes if r is not None]
            batch = [(in_set(d, i // 2), copies[i // 2]) for i, d in enumerate(data[:6])]
            for part in [batch] if together else [batch[i : i + 2] for i in (0, 2, 4)]:
                host.forward_backward([d for d, _ in part], route=[r for _, r in part], loss=loss).result()
            found.append([host.bank.get(c).flat.grad.clone() for c in copies])  # type: ignore[union-attr]
        for a, b in zip(*found, strict=True):
            assert (a - b).norm() < 1e-4 * b.norm()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_sampler_draws_with_the_trained_rows(dtype: str, dirs: dict[str, Path], words: Tokenizer) -> None:
    """A batch over adapters and the base; every log-probability is the trainer's, and new tokens are drawn."""
    host = opened(dirs["qwen3-tied"], words, dtype=dtype)
    trained_one, other = trained(host), host.create(LoraSpec(rank=2, tokens=(96,)))
    routes = [trained_one, None, other, trained_one, trained_one]
    prompts = [[5, 96, 7], [97, 3], [96, 98, 1, 2], [98], [1, 2, 3]]
    bias = dict.fromkeys(NEW, 4.0)
    params = SamplingParams(limit_tokens=12, seed=3, stop_ids=(), logit_bias=bias, prompt_logprobs=True)
    drawn = host.sample(prompts, params, route=routes).result()
    bar = 1e-5 if dtype == "float32" else 0.1
    new = 0
    for prompt, (answer,), route in zip(prompts, drawn, routes, strict=True):
        ids = np.concatenate([prompt, answer.ids]).astype(np.int32)
        (found,) = logprobs(host, [Datum.from_tokens(ids, np.ones(len(ids), np.float32))], route)
        assert np.abs(found[len(prompt) - 1 :] - answer.logprobs).max() < bar
        assert answer.prompt_logprobs is not None
        if len(prompt) > 1:
            assert np.abs(found[: len(prompt) - 1] - answer.prompt_logprobs[1:]).max() < bar
        new += int(np.isin(answer.ids, NEW).sum())
        assert "<9" in answer.text or not np.isin(answer.ids, NEW).any()
    assert new > 10


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_check_37_state_with_new_rows_resumes_bit_for_bit(
    dtype: str, dirs: dict[str, Path], words: Tokenizer, tmp_path: Path
) -> None:
    host, other = (opened(dirs["qwen3-untied-bias"], words, dtype=dtype) for _ in range(2))
    adapter = trained(host)
    host.save(tmp_path, adapter=adapter)
    again = other.load(tmp_path)
    assert other.bank.get(again).spec == host.bank.get(adapter).spec
    for h, a in ((host, adapter), (other, again)):
        h.forward_backward(with_new(4, seed=9), route=a).result()
        h.optim_step(AdamParams(learning_rate=1e-2), adapter=a).result()
    assert other.digest(again) == host.digest(adapter)
    moved = host.inspect(adapter)
    assert {f"tokens.{matrix}.{i}" for matrix in ("embed", "head") for i in NEW} <= set(moved)
    assert min(moved.values()) > 0
    assert max(v for n, v in host.inspect(host.create(SPEC)).items() if n.startswith("tokens.")) == 0


@pytest.mark.parametrize("name", KINDS)
def test_check_37_new_rows_are_in_the_adapter_as_peft_reads_them(
    name: str, dirs: dict[str, Path], words: Tokenizer, tmp_path: Path
) -> None:
    host, data = opened(dirs[name], words), with_new(4, seed=5)
    adapter = trained(host)
    host.export(tmp_path, adapter=adapter, form="peft", base="")
    wanted = logprobs(host, data, adapter)
    model = reference(name)
    model.resize_token_embeddings(VOCAB + 3)  # first; the rows that it draws are replaced
    assert far(theirs(PeftModel.from_pretrained(model, str(tmp_path)), data), wanted) < 1e-4
    fresh = opened(dirs[name], words)
    assert far(logprobs(fresh, data, fresh.load(tmp_path)), wanted) == 0
    with pytest.raises(ModelRefused, match="beyond the vocabulary"):
        Host.open(dirs[name], choices=CHOICES).load(tmp_path)


@pytest.mark.parametrize("name", ["qwen3-tied", "qwen3-untied-bias"])
def test_check_37_an_adapter_of_peft_with_trained_rows_has_equal_logits_here(
    name: str, dirs: dict[str, Path], tmp_path: Path
) -> None:
    """Rows of tokens that the base has, of the embedding alone where the head is another matrix."""
    torch.manual_seed(0)
    config = LoraConfig(r=3, target_modules=["q_proj"], init_lora_weights=False, trainable_token_indices=[7, 2, 60])
    model = get_peft_model(reference(name), config)
    with torch.no_grad():
        for key, value in model.named_parameters():
            if "trainable_tokens_delta" in key:
                value.add_(torch.randn_like(value))
    model.save_pretrained(str(tmp_path))
    host, data = Host.open(dirs[name], choices=CHOICES), make_data(4, low=20)
    adapter = host.load(tmp_path)
    assert host.bank.get(adapter).spec.tokens == (7, 2, 60)
    assert far(logprobs(host, data, adapter), theirs(model, data)) < 1e-4
    grown = host.copy(adapter, tokens=(5, 7))  # more rows, the trained ones taken over
    assert host.bank.get(grown).spec.tokens == (2, 5, 7, 60)
    assert far(logprobs(host, data, grown), logprobs(host, data, adapter)) < 1e-5


@pytest.mark.parametrize("kind", ["lora", "full"])
@pytest.mark.parametrize("name", KINDS)
def test_check_36_a_merged_model_with_new_tokens_is_the_run_in_memory(
    name: str, kind: str, dirs: dict[str, Path], words: Tokenizer, tmp_path: Path
) -> None:
    """Reloaded here and in transformers: log-probabilities, the matrices' length, and whether they are one."""
    host, data = opened(dirs[name], words), with_new(4, seed=6)
    if kind == "lora":
        adapter = trained(host)
    else:
        adapter = host.create_full()
        host.forward_backward(with_new(4), route=adapter).result()
        host.optim_step(AdamParams(learning_rate=1e-2), adapter=adapter).result()
        assert host.inspect(adapter)["embed"] > 0
    wanted = logprobs(host, data, adapter)
    host.export(tmp_path, adapter=adapter, form="merged", base="")
    assert json.loads((tmp_path / "config.json").read_text())["vocab_size"] == VOCAB + 3
    files = load_file(tmp_path / "model.safetensors")
    assert ("lm_head.weight" in files) is not host.arch.tied
    assert len(files["model.embed_tokens.weight"]) == VOCAB + 3
    again = Host.open(tmp_path, choices=CHOICES)
    assert far(logprobs(again, data, None), wanted) < 1e-4
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    one = model.get_input_embeddings().weight.data_ptr() == model.get_output_embeddings().weight.data_ptr()
    assert one is host.arch.tied
    assert far(theirs(model, data), wanted) < 1e-4


def test_check_37_files_that_do_not_fit_are_refused(dirs: dict[str, Path], words: Tokenizer, tmp_path: Path) -> None:
    host = opened(dirs["qwen3-untied-bias"], words)
    host.export(tmp_path, adapter=trained(host), form="peft", base="")
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config["trainable_token_indices"] == {"embed_tokens": list(NEW), "lm_head": list(NEW)}
    for listed, message in (
        ({"embed_tokens": [96], "lm_head": [97]}, "other tokens in the head"),
        ({"wte": [96]}, "matrices that are not understood"),
        ([96, 96], "different ids"),
        ([96, -1], "different ids"),
        ([400], "beyond the vocabulary"),
        ([96], "wrong shape"),
    ):
        (tmp_path / "adapter_config.json").write_text(json.dumps({**config, "trainable_token_indices": listed}))
        with pytest.raises(ModelRefused, match=message):
            host.load(tmp_path)
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    file = tmp_path / "adapter_model.safetensors"
    whole = load_file(file)
    rows = [k for k in whole if "trainable_tokens" in k]
    assert len(rows) == 2
    save_file({k: v for k, v in whole.items() if k not in rows}, file)
    with pytest.raises(ModelRefused, match="lacks tensors"):
        host.load(tmp_path)
    save_file({**whole, rows[0]: whole[rows[0]] * float("nan")}, file)
    with pytest.raises(ModelRefused, match="NaN"):
        host.load(tmp_path)


def test_an_adapter_with_rows_of_its_own_cannot_be_mixed(dirs: dict[str, Path], words: Tokenizer) -> None:
    host = opened(dirs["qwen3-tied"], words)
    own, plain = host.create(SPEC), host.create(LoraSpec(rank=2))
    for mixture in (((own, 0.5),), ((own, 1.0), (plain, 1.0))):
        with pytest.raises(CapabilityMissing, match="cannot be mixed"):
            host.forward(with_new(1), route=mixture)
    assert host.forward(with_new(1), route=((own, 1.0),)).result()


def test_rows_move_at_the_adapters_rate(dirs: dict[str, Path], words: Tokenizer) -> None:
    """The first step of Adam is as long as the rate, whatever the gradient."""
    host = opened(dirs["qwen3-tied"], words)
    adapter = host.create(SPEC)
    before = {n: v.clone() for n, v in host.bank.get(adapter).flat.views.items()}
    host.forward_backward(with_new(6), route=adapter).result()
    host.optim_step(AdamParams(learning_rate=1e-2, eps=1e-12), adapter=adapter).result()
    after = host.bank.get(adapter).flat.views
    assert (after["tokens.embed"] - before["tokens.embed"]).abs().max() == pytest.approx(1e-2, rel=1e-3)
    assert (after["layers.0.q.b"] - before["layers.0.q.b"]).abs().max() == pytest.approx(1e-2, rel=1e-3)


# -- over a base in fewer bits, and over one that transformers computes ---------------------------------------------------


@pytest.mark.parametrize("kind", ["int8", "nf4"])
@pytest.mark.parametrize("name", ["qwen3-tied", "qwen3-untied-bias"])
def test_new_rows_over_a_quantised_base_are_trained_drawn_and_read_again(
    kind: Quantize, name: str, dirs: dict[str, Path], words: Tokenizer, tmp_path: Path
) -> None:
    """Embedding and head are not rounded, so that rows start as over the base as it is; checks 16, 35, 36 and 37 hold."""
    host, plain, data = opened(dirs[name], words, quantize=kind), opened(dirs[name], words), with_new(4, seed=6)
    assert host.decoder.held
    for matrix in {"embed", "head"} & set(plain.decoder.weights):
        assert torch.equal(host.decoder.weights[matrix], plain.decoder.weights[matrix])
    adapter = trained(host)
    assert min(v for n, v in host.inspect(adapter).items() if n.startswith("tokens.")) > 0
    wanted = logprobs(host, data, adapter)
    params = SamplingParams(limit_tokens=10, seed=3, stop_ids=(), logit_bias=dict.fromkeys(NEW, 4.0))
    ((answer,),) = host.sample([[5, 96, 7]], params, route=adapter).result()
    ids = np.concatenate([[5, 96, 7], answer.ids]).astype(np.int32)
    (found,) = logprobs(host, [Datum.from_tokens(ids, np.ones(len(ids), np.float32))], adapter)
    assert np.isin(answer.ids, NEW).any()
    assert np.abs(found[2:] - answer.logprobs).max() < 2e-5
    for form in ("peft", "state", "merged"):
        path = tmp_path / form
        path.mkdir()
        if form == "state":
            host.save(path, adapter=adapter)
        else:
            host.export(path, adapter=adapter, form=form, base=str(dirs[name]))
        if form == "merged":
            again = Host.open(path, choices=CHOICES)
            assert far(logprobs(again, data, None), wanted) < 1e-4
            continue
        fresh = opened(dirs[name], words, quantize=kind)
        loaded = fresh.load(path)
        assert far(logprobs(fresh, data, loaded), wanted) == 0
        assert far(logprobs(fresh, data, fresh.copy(loaded, tokens=(5,))), wanted) < 1e-5
        with pytest.raises(ModelRefused, match=kind):
            plain.load(path)


def test_a_model_that_transformers_computes_gains_no_new_tokens(words: Tokenizer, tmp_path: Path) -> None:
    borrowed_reference("gpt2").save_pretrained(tmp_path)
    tokens = (NewToken(96, "<96>", (3, 4)),)
    extension = Extension(directory=tmp_path, tokenizer=words, tokens=tokens)
    with pytest.raises(CapabilityMissing, match="gains no new tokens"):
        BorrowedHost.open(tmp_path, choices=CHOICES, extension=extension)
    host = open_borrowed(tmp_path)
    assert host.facts["added_rows"] == 0
    adapter = host.create(LoraSpec(rank=2))
    for act in (lambda: host.create(LoraSpec(rank=2, tokens=(5,))), lambda: host.copy(adapter, tokens=(5,))):
        with pytest.raises(CapabilityMissing, match="holds no rows of tokens"):
            act()
    assert host.inspect(host.copy(adapter)).keys() == host.inspect(adapter).keys()
    (tmp_path / "adapter").mkdir()
    host.export(tmp_path / "adapter", adapter=adapter, form="peft", base=str(tmp_path))
    file = tmp_path / "adapter" / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "trainable_token_indices": [5]}))
    with pytest.raises(ModelRefused, match="trainable_token_indices"):
        host.load(tmp_path / "adapter")
