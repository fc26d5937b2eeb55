"""Runs with new tokens: what the plan says, what is kept, what is exported, what another run goes on from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import AutoPeftModelForCausalLM
from safetensors.numpy import load_file, save_file
from tiny_run import Watcher, metrics, settings, weights
from transformers import AutoModelForCausalLM, AutoTokenizer

from burnish import connect
from burnish.errors import CapabilityMissing, ConfigError, RunError
from burnish.evals import audits
from burnish.protocols import Policy
from burnish.render.tokenizer import Tokenizer
from burnish.runs import certificate, gguf, train
from burnish.runs.export import export_run
from burnish.runs.plan import choices_of
from burnish.runs.prepare import Prepared, prepare
from burnish.store.atomic import read_json
from burnish.store.models import resolve
from burnish.types import Datum, SamplingParams

TOKENS = ["<think>", "</think>"]
TEXT = "1 a <think>A comes next</think> A"
Make = Callable[..., Path]


@pytest.fixture(scope="module")
def thinking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows whose answers hold the new tokens."""
    path = tmp_path_factory.mktemp("thinking") / "data.jsonl"
    rows = [{"prompt": f"{n} {chr(97 + n % 26)}", "completion": f"<think>{n}</think>{chr(65 + n % 26)}"} for n in range(60)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def made(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """A copy of the tiny model: with a head of its own, with rows beyond its tokenizer, in another precision."""

    def make(name: str, *, tied: bool = True, spare: int = 0, stored: str = "float32") -> Path:
        out = tmp_path_factory.mktemp("made") / name
        shutil.copytree(tiny_model, out)
        tensors = load_file(out / "model.safetensors")
        draw = np.random.default_rng(5)
        more = draw.normal(0, 0.1, (spare, 32)).astype(np.float32)
        table = np.concatenate([tensors["model.embed_tokens.weight"], more])
        tensors["model.embed_tokens.weight"] = table
        if not tied:
            tensors["lm_head.weight"] = draw.normal(0, 0.1, table.shape).astype(np.float32)
        save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
        config = json.loads((out / "config.json").read_text())
        config |= {"tie_word_embeddings": tied, "vocab_size": len(table), "torch_dtype": stored}
        (out / "config.json").write_text(json.dumps(config))
        return out

    return make


def opened(model: str) -> tuple[Policy, Tokenizer]:
    ref = resolve(model)
    policy = connect.open_policy(connect.open_engine("local", ref, dtype="float32", device="cpu"), ref)
    return policy, Tokenizer.load(ref.tokenizer)


def logprobs(model: str) -> np.ndarray:
    """Of TEXT's tokens, by a model opened anew."""
    policy, tokenizer = opened(model)
    ids = np.array(tokenizer.encode(TEXT), np.int32)
    (out,) = policy.forward([Datum.from_tokens(ids, np.ones(len(ids)))]).result()
    assert out.logprobs is not None
    return out.logprobs


def theirs(model: torch.nn.Module, ids: list[int]) -> np.ndarray:
    with torch.no_grad():
        found = torch.log_softmax(model.eval()(torch.tensor(ids)[None]).logits[0].float(), -1)
    return found[:-1].gather(1, torch.tensor(ids)[1:, None])[:, 0].numpy()


CASES: dict[str, dict[str, Any]] = {"tied": {}, "untied": {"tied": False}, "spare": {"spare": 5}, "one spare": {"spare": 1}}


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("case", CASES)
def test_check_36_and_37_a_run_with_new_tokens_reloads_and_exports_as_it_was(
    case: str, method: str, made: Make, thinking: Path, tmp_path: Path
) -> None:
    """The certificate's lines hold; every form gives the run's log-probabilities, here and in transformers and peft."""
    base = made(case.replace(" ", "-"), **CASES[case])
    before = {p.name: p.read_bytes() for p in base.iterdir()}
    rate = 2e-2 if method == "lora" else 2e-3
    config = settings(base, thinking, new_tokens=TOKENS, method=method, learning_rate=rate)
    outcome = train.start(config, run="tokens", force=True)
    assert [a.name for a in outcome.certificate.audits if a.passed is not True] == []
    assert {p.name: p.read_bytes() for p in base.iterdir()} == before
    spare = CASES[case].get("spare", 0)
    size = max(259 + spare, 261)
    plan = read_json(outcome.folder / "plan.json")
    assert (plan["new_tokens"], plan["added_rows"]) == (2, size - 259 - spare)
    policy, tokenizer = opened("tokens")
    ids = tokenizer.encode(TEXT)
    assert (ids.count(259), ids.count(260), tokenizer.vocab_size) == (1, 1, 261)
    wanted = logprobs("tokens")
    saved = load_file(outcome.model / ("adapter_model.safetensors" if method == "lora" else "model.safetensors"))
    if method == "lora":
        assert sum(len(v) for k, v in saved.items() if "trainable_tokens" in k) == (4 if case == "untied" else 2)
        assert export_run("tokens", to="peft", out=tmp_path / "peft").check.passed
        assert np.abs(logprobs(str(tmp_path / "peft")) - wanted).max() < 1e-5
        model = AutoPeftModelForCausalLM.from_pretrained(tmp_path / "peft")
        assert np.abs(theirs(model, ids) - wanted).max() < 1e-4
        with pytest.raises(CapabilityMissing, match="merged"):
            export_run("tokens", to="vllm", out=tmp_path / "vllm")
        assert not (tmp_path / "vllm").exists()
    else:
        assert len(saved["model.embed_tokens.weight"]) == size
    exported = export_run("tokens", to="merged", out=tmp_path / "merged")
    assert exported.check.passed
    assert "opened in transformers" in exported.check.detail
    assert read_json(tmp_path / "merged" / "config.json")["vocab_size"] == size
    assert np.abs(logprobs(str(tmp_path / "merged")) - wanted).max() < 1e-4
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    reader = AutoTokenizer.from_pretrained(tmp_path / "merged")
    assert reader(TEXT)["input_ids"] == ids
    assert reader.chat_template == tokenizer.template == Tokenizer.load(base).template
    assert np.abs(theirs(model, ids) - wanted).max() < 1e-4
    assert policy.engine.facts["vocab"] == size


def test_check_36_a_base_in_bfloat16_keeps_new_tokens_through_the_merge(made: Make, thinking: Path, tmp_path: Path) -> None:
    base = made("half", stored="bfloat16")
    train.start(settings(base, thinking, new_tokens=TOKENS, dtype="bfloat16"), run="half", force=True)
    done = export_run("half", to="merged", out=tmp_path / "merged")
    assert done.check.passed
    assert "stored in bfloat16" in done.check.detail


def test_check_36_a_gguf_file_holds_the_new_tokens(made: Make, thinking: Path, tmp_path: Path) -> None:
    reader = pytest.importorskip("gguf")
    train.start(settings(made("file"), thinking, new_tokens=TOKENS), run="file", force=True)
    export_run("file", to="gguf", out=tmp_path / "gguf", precision="f32")
    found = reader.GGUFReader(tmp_path / "gguf" / gguf.FILE)
    names = found.get_field("tokenizer.ggml.tokens").contents()
    assert names[259:] == TOKENS
    kinds = found.get_field("tokenizer.ggml.token_type").contents()
    assert kinds[259:] == [reader.TokenType.USER_DEFINED] * 2
    (table,) = (t for t in found.tensors if t.name == "token_embd.weight")
    engine = opened("file")[0].engine
    (tmp_path / "merged").mkdir()
    adapter = engine.load(resolve("file").adapter)  # type: ignore[arg-type]
    engine.export(tmp_path / "merged", adapter=adapter, form="merged", base="")
    assert np.array_equal(table.data, load_file(tmp_path / "merged" / "model.safetensors")["model.embed_tokens.weight"])


def test_check_37_a_stopped_run_with_new_tokens_goes_on_bit_for_bit(made: Make, thinking: Path) -> None:
    base = made("resumed", tied=False)
    config = settings(base, thinking, new_tokens=TOKENS)
    whole = train.start(config, run="whole", force=True)

    def interrupt(step: int) -> None:
        if step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.start(config, run="stopped", force=True, progress=Watcher(interrupt))
    again = train.resume("stopped")
    assert weights(again.folder) == weights(whole.folder)
    assert metrics(again.folder) == metrics(whole.folder)


def test_check_37_new_rows_are_learned_and_sampled(made: Make, thinking: Path) -> None:
    """Answers begin with the new token after training, and show it; the rows decide it, as the base's do not."""
    base = made("learned")
    changes: dict[str, Any] = {"steps": 60, "batch": 8, "learning_rate": 2e-2, "evaluate_every": 60, "eval_tokens": 8}
    config = settings(base, thinking, new_tokens=TOKENS, **changes, checkpoint_every=60)
    outcome = train.start(config, run="learned", force=True)
    assert outcome.report.verdict == "better"
    policy, tokenizer = opened("learned")
    (drawn,) = policy.sample([tokenizer.encode("7 h")], SamplingParams(limit_tokens=8, temperature=0.0)).result()
    assert drawn[0].ids[0] == 259
    assert drawn[0].text.startswith("<think>")


def test_a_run_goes_on_from_a_run_with_new_tokens(made: Make, thinking: Path, tmp_path: Path) -> None:
    """With its tokens and rows, and with more; what it has already is said."""
    base = made("chain", tied=False)
    train.start(settings(base, thinking, new_tokens=TOKENS), run="tokens-parent", force=True)
    still: dict[str, Any] = {"lora": {}, "learning_rate": 1e-9, "steps": 2, "evaluate_every": 1}
    child = train.start(
        settings("tokens-parent", thinking, **still, new_tokens=[*TOKENS, "<answer>"]), run="tokens-child", force=True
    )
    assert np.abs(logprobs("tokens-child")[:4] - logprobs("tokens-parent")[:4]).max() < 1.0
    body = read_json(child.model / "adapter_config.json")
    assert body["trainable_token_indices"] == {"embed_tokens": [259, 260, 261], "lm_head": [259, 260, 261]}
    rows = "base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta"
    old = load_file(resolve("tokens-parent").adapter / "adapter_model.safetensors")[rows]  # type: ignore[operator]
    new = load_file(child.model / "adapter_model.safetensors")[rows]
    assert np.allclose(new[:2], old, atol=1e-6)
    prepared = prepare(settings("tokens-parent", thinking, lora={}, new_tokens=[*TOKENS, "<answer>"]), resolve("tokens-parent"))
    assert any("2 of the new tokens are in the vocabulary already" in n for n in prepared.notes)
    said = "1 new token ('<answer>'), id 261; of its unused rows the embedding gives 0, and 1 is added"
    assert any(said in n for n in prepared.notes)
    assert any("stand in no training row" in w and "'<answer>'" in w for w in prepared.warnings)
    export_run("tokens-child", to="merged", out=tmp_path / "merged")
    more = settings(tmp_path / "merged", thinking, method="full", new_tokens=["<more>"])
    whole = train.start(more, run="whole", force=True)
    assert load_file(whole.model / "model.safetensors")["lm_head.weight"].shape == (263, 32)
    same = train.start(settings("tokens-parent", thinking, lora={}), run="tokens-same", force=True)
    assert read_json(same.model / "adapter_config.json")["trainable_token_indices"]["lm_head"] == [259, 260]
    assert [a.name for a in same.certificate.audits if a.passed is not True] == []


def test_new_tokens_may_stand_in_a_file_which_must_stay_as_it_was(made: Make, thinking: Path, tmp_path: Path) -> None:
    file = tmp_path / "tokens.txt"
    file.write_bytes("\ufeff<think>\r\n</think>\n\n".encode())
    config = settings(made("file-of-tokens"), thinking, new_tokens=str(file))
    outcome = train.start(config, run="from-file", force=True)
    assert Tokenizer.load(outcome.model).encode("<think>") == [259]
    file.write_text("<think>\n<other>\n")
    with pytest.raises(RunError, match="new tokens"):
        train.resume("from-file")


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ("no-such-file.txt", "cannot be read"),
        (["<x>", ""], "cannot be tokens of their own"),
        (["a"], "ordinary piece"),
        ([f"<{i}>" for i in range(10_001)], "too many"),
    ],
)
def test_new_tokens_that_cannot_be_are_refused_before_anything_is_done(
    tokens: list[str] | str, message: str, tiny_model: Path, thinking: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        train.start(settings(tiny_model, thinking, new_tokens=tokens), run="refused")
    with pytest.raises(ConfigError, match=message):
        train.plan(settings(tiny_model, thinking, new_tokens=tokens))


# -- with other features --------------------------------------------------------------------------------------------------


def test_check_36_and_37_new_tokens_over_a_quantised_base(made: Make, thinking: Path, tmp_path: Path) -> None:
    """The run is certified, reloads and exports as it was; one that goes on from it keeps tokens and rounding."""
    base = made("int8", tied=False)
    outcome = train.start(settings(base, thinking, new_tokens=TOKENS, quantize="int8"), run="tokens-int8", force=True)
    assert [(a.name, a.detail) for a in outcome.certificate.audits if a.passed is not True] == []
    policy, _ = opened("tokens-int8")
    assert (policy.engine.facts["quantize"], policy.engine.facts["vocab"]) == ("int8", 261)
    wanted = logprobs("tokens-int8")
    for form in ("merged", "peft"):
        assert export_run("tokens-int8", to=form, out=tmp_path / form).check.passed  # type: ignore[arg-type]
        assert np.abs(logprobs(str(tmp_path / form)) - wanted).max() < 1e-4
    more: dict[str, Any] = {"lora": {}, "steps": 2, "evaluate_every": 1, "new_tokens": ["<answer>"]}
    child = train.start(settings("tokens-int8", thinking, **more), run="tokens-int8-child", force=True)
    assert resolve("tokens-int8-child").quantize == "int8"
    assert read_json(child.model / "adapter_config.json")["trainable_token_indices"]["lm_head"] == [259, 260, 261]
    assert child.certificate.passed
    # the engines of one process: a base as it is, held in int8, and lengthened, are three
    models = connect.LocalModels(policy)
    engines = [models.open(name, "teacher").engine for name in (str(base), "tokens-int8", "tokens-int8-child", "tokens-int8")]
    assert [e.facts["vocab"] for e in engines] == [259, 261, 262, 261]
    assert [e.facts["quantize"] for e in engines] == ["none", "int8", "int8", "int8"]
    assert engines[1] is engines[3]


def test_check_37_a_fresh_base_without_the_new_tokens_or_held_otherwise_is_seen(made: Make, thinking: Path) -> None:
    base = made("seen")
    config = settings(base, thinking, new_tokens=TOKENS, quantize="int8")
    outcome = train.start(config, run="seen", force=True)
    policy, ref = opened("seen")[0], resolve("seen")
    assert policy.adapter is not None
    extension = prepare(config, resolve(str(base)).held("int8")).extension
    data = [Datum.from_tokens(np.array([256, 259, 70, 260], np.int32), np.ones(4))]
    for changes, passed in (
        ({"base": ref, "extension": extension}, True),
        ({"base": ref}, False),
        ({"base": replace(ref, quantize="none"), "extension": extension}, False),
    ):
        fresh = certificate.opener(choices_of(policy.engine), **changes)
        found = audits.reload_equality(policy.engine, policy.adapter, fresh, ref.base, data, saved=[outcome.model])
        assert found.passed is passed, found.detail


def prepared(base: Path, data: Path, **changes: Any) -> Prepared:
    return prepare(settings(base, data, **changes), resolve(str(base)))


def test_new_tokens_on_disk_are_those_in_memory(tiny_model: Path, thinking: Path) -> None:
    """Rows, fingerprints, notes about tokens and warnings are alike; rows of other new tokens are made anew, and found again."""
    for tokens in ([], TOKENS, [*TOKENS, "<answer>"], TOKENS[::-1], TOKENS):
        disk, memory = (prepared(tiny_model, thinking, new_tokens=tokens, stream=s) for s in (True, False))
        assert (disk.streamed, memory.streamed) == (True, False)
        assert disk.fingerprints == memory.fingerprints
        assert [r.ids.tolist() for r in disk.train.rendered] == [r.ids.tolist() for r in memory.train.rendered]
        assert disk.train.sizes == memory.train.sizes
        assert disk.new_ids == memory.new_ids == tuple(range(259, 259 + len(tokens)))
        assert disk.warnings == memory.warnings
        assert [n for n in disk.notes if "new token" in n] == [n for n in memory.notes if "new token" in n]
        assert any("'<answer>'" in w and "no training row" in w for w in disk.warnings) is ("<answer>" in tokens)
        held = {i for r in disk.train.rendered for i in r.ids.tolist() if i > 258}
        assert held == {259 + i for i, t in enumerate(tokens) if t in TOKENS}


def test_training_with_new_tokens_over_rows_on_disk_ends_with_the_bits_of_training_in_memory(
    tiny_model: Path, thinking: Path
) -> None:
    both = [
        train.start(settings(tiny_model, thinking, new_tokens=TOKENS, stream=s), run=f"tokens-streamed-{s}".lower(), force=True)
        for s in (True, False)
    ]
    assert weights(both[0].folder) == weights(both[1].folder)
    assert metrics(both[0].folder) == metrics(both[1].folder)
    assert both[0].certificate.passed
    assert weights(train.resume("tokens-streamed-true").folder) == weights(both[1].folder)


def test_a_model_that_transformers_computes_gains_no_new_tokens(tiny_gpt2: Path, thinking: Path) -> None:
    for method in ("lora", "full"):
        for begin in (train.plan, lambda config: train.start(config, run="borrowed-tokens")):
            with pytest.raises(CapabilityMissing, match="gains no new tokens") as caught:
                begin(settings(tiny_gpt2, thinking, new_tokens=TOKENS, method=method))
            assert "'<think>'" in caught.value.seen
            assert "gpt2" in caught.value.seen
            assert "new_tokens" in caught.value.todo
    assert train.plan(settings(tiny_gpt2, thinking)).added_rows == 0
