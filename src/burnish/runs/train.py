"""A whole training run: prepare, plan, measure the base, train, measure again, report, certify, keep.

Everything that a killed run needs to go on lies in its folder: the resolved config, the plan with the engine's choices, the
base's measurement, and checkpoints. `resume` takes the same path with those parts read instead of made.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from burnish import connect
from burnish.errors import Interrupted, NoGain, NothingTrained, RewardGamed, RunError, UserError
from burnish.evals.compare import Comparison, compare
from burnish.evals.evaluation import Evaluation
from burnish.protocols import Engine, Policy
from burnish.recipes.grpo import GRPO
from burnish.recipes.training import Training
from burnish.runs import certificate, methods, report, sameness
from burnish.runs.asking import ROLLOUTS, Asking, asking_of
from burnish.runs.exporters import check_installed, open_exporters
from burnish.runs.guard import Guard
from burnish.runs.measuring import BASE, BASE_DRAWS, TRAINED, Measuring
from burnish.runs.opening import Begun, anchored, begin, open_trainable, probed, trainable, versions
from burnish.runs.order import Order
from burnish.runs.picking import Picking
from burnish.runs.plan import Plan, choices_of
from burnish.runs.prepare import Prepared, prepare
from burnish.runs.progress import Progress, Several, Silent
from burnish.runs.readiness import QUESTIONS, readiness
from burnish.runs.run import Probe, Run, State, loss_gauge
from burnish.runs.side import shuffled
from burnish.runs.step import Ahead, Questioner
from burnish.runs.stop import Stop
from burnish.runs.watches.watch import WATCHES
from burnish.store import checkpoints
from burnish.store.atomic import atomic_directory, read_json, write_json
from burnish.store.models import ModelRef, resolve
from burnish.store.runfolder import METRICS, RunFolder
from burnish.tasks import prove, ready, sources
from burnish.types import Adapter

PLAN = "plan.json"
"""The file of a run folder with its plan."""
AUDITED = 512
"""Rows that a run looks at before it trusts their grader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended."""

    name: str
    folder: Path
    model: Path
    report: report.Report
    certificate: certificate.Certificate


def plan(config: Training, *, progress: Progress | None = None) -> Plan:
    """What `start` would do and cost. Trains nothing and keeps nothing."""
    config = anchored(config)
    ref = resolve(config.model).held(config.quantize)
    prepared = prepare(config, ref, say=(progress or Silent()).note)
    engine = open_trainable(config, ref, None, prepared.extension)
    made = probed(config, ref, prepared, engine, begin(config, ref, engine))
    (progress or Silent()).plan(made)
    return made


def start(
    config: Training,
    *,
    run: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
    watch: Probe | None = None,
) -> Outcome:
    """Train from the beginning, in a new run folder called `run` (None = a fresh name; `force` replaces one of that name).

    watch: measures the policy whenever held-out loss is measured; its numbers go into the metrics.

    Raises an error of the tree for whatever goes wrong; a model that was trained is kept all the same.
    """
    config = anchored(config)
    check_installed(config.report_to)
    ref = resolve(config.model).held(config.quantize)
    prepared = prepare(config, ref, say=(progress or Silent()).note)
    folder = RunFolder.create(run, config.recipe, force=force)
    try:
        return _Training(folder, config, ref, prepared, progress or Silent(), watch).go()
    except UserError:
        if not (folder.path / PLAN).is_file():  # refused before anything was done: its name is free again
            folder.remove()
        raise


def resume(run: str, *, mended: bool = False, progress: Progress | None = None, watch: Probe | None = None) -> Outcome:
    """Go on with a run that was stopped or killed, and end with the weights that it would have had, bit for bit.

    mended: of a run that stopped because its reward was gamed, go on from its last clean step with the task as it is now.

    A run that was finished writes its report again. Raises RunError for one whose data or model has changed since.
    """
    folder = RunFolder.open(run)
    if mended != (folder.status == "gamed"):
        raise RunError(
            f"the run {folder.name} did not stop because its reward was gamed"
            if mended
            else f"the run {folder.name} stopped because its reward was gamed",
            seen=f"status {folder.status}",
            todo="leave --mended out" if mended else "mend the grader, then add --mended to go on from the last clean step",
        )
    config = methods.load(base=folder.config())
    ref = resolve(config.model).held(config.quantize)
    prepared = prepare(config, ref, say=(progress or Silent()).note)
    return _Training(folder, config, ref, prepared, progress or Silent(), watch, mended=mended).go()


class _Training:
    """One run folder being worked on by this process."""

    def __init__(
        self,
        folder: RunFolder,
        config: Training,
        ref: ModelRef,
        prepared: Prepared,
        progress: Progress,
        watch: Probe | None,
        *,
        mended: bool = False,
    ) -> None:
        self.mended = mended
        self.folder, self.config, self.ref, self.prepared, self.progress = folder, config, ref, prepared, progress
        self.watch = watch

    @property
    def _measuring(self) -> Measuring:
        return Measuring(self.folder, self.config, self.prepared, self.progress)

    def go(self) -> Outcome:
        """Work until the run is done; its status always tells how it ended."""
        folder = self.folder
        with folder.lock():
            folder.keep_config(self.config)
            folder.update(model=self.config.model, base=str(self.ref.base), fingerprint=self.ref.base_fingerprint)
            if self.mended:
                sameness.mend(folder, self.prepared.fingerprints, self.progress)
                self._measuring.forget()
            else:
                sameness.insist(folder, self.config, self.prepared.fingerprints)
            exporters = open_exporters(self.config.report_to, folder.path, folder.name, self.config.model_dump(mode="json"))
            self.progress = Several([self.progress, *exporters]) if exporters else self.progress
            stop = Stop(f"burnish train --resume {folder.name}", self.progress.warning)
            status = "failed"
            folder.set_status("running")
            try:
                with stop.listening():
                    outcome = self._work(stop)
                status = "succeeded"
            except Interrupted:
                status = "interrupted"
                raise
            except RewardGamed:
                status = "gamed"
                raise
            finally:
                folder.set_status(status)
                for exporter in exporters:
                    exporter.close()
        if self.config.require_gain and outcome.report.verdict != "better":
            raise NoGain(
                "no measurable gain was found, and require_gain is set",
                seen=f"verdict: {outcome.report.verdict}",
                todo=f"read {folder.path / 'report.md'}; the model is kept in {outcome.model}",
                report=outcome.report.to_json(),
            )
        return outcome

    def _work(self, stop: Stop) -> Outcome:
        folder, ref, prepared = self.folder, self.ref, self.prepared
        planned = read_json(folder.path / PLAN) if (folder.path / PLAN).is_file() else None
        engine = open_trainable(self.config, ref, planned["choices"] if planned else None, prepared.extension)
        begun = begin(self.config, ref, engine)
        for note in connect.notes_of(engine):
            self.progress.note(note)
        if planned is None:
            made = probed(self.config, ref, prepared, engine, begun)
            self.progress.plan(made)
            self.config = made.config
            folder.keep_config(made.config)
            write_json(folder.path / PLAN, made.to_json())
        config = self.config
        assert config.eval_items
        base = self._measuring.measured(BASE, "base", Policy(engine, begun.adapter))
        if methods.asks(config) and checkpoints.latest(folder) is None:
            self._try(Policy(engine, begun.adapter))
            self._measuring.drawn(BASE_DRAWS, "base, several draws", Policy(engine, begun.adapter))
        adapter = trainable(config, engine, begun, prepared.new_ids)
        policy = Policy(engine, adapter)
        run = self._run(policy, stop, self._start(policy, begun))
        fault: NothingTrained | RewardGamed | None = None
        try:
            methods.train(config, self._models(policy, begun), run)
            run.check_moved()
            run.restore_best()
        except NothingTrained as error:
            fault = error
            stop.gentle = False
            if run.state.best_step is not None:
                run.restore_best()
        except RewardGamed as error:
            fault = error
            stop.gentle = False
        if isinstance(fault, RewardGamed):
            raise self._gamed(fault, run, policy, base)
        model = self._keep_model(engine, adapter)
        if fault is not None:
            self.progress.warning(f"the model is kept in {model} all the same")
            raise fault
        comparison = self._compared(base, policy)
        return self._tell(run, policy, begun, model, comparison)

    def _compared(self, base: Evaluation, policy: Policy) -> Comparison:
        """Base and trained model."""
        trained = self._measuring.measured(TRAINED, "trained", policy)
        return compare(base, trained, losses=not methods.asks(self.config))

    def _gamed(self, fault: RewardGamed, run: Run, policy: Policy, base: Evaluation) -> RewardGamed:
        """Keep the model of the last clean step, and report on it. The error with what was kept."""
        at, clean = run.state.step, run.go_back()
        goes_on = f"`burnish train --resume {self.folder.name} --mended`"
        if clean is None:
            kept = (
                f"no step before it was kept: what the run started from is as it was; mend the grader, and {goes_on} starts anew"
            )
            return RewardGamed(fault.what, seen=fault.seen, todo=f"{fault.todo}; {kept}")
        model = self._keep_model(policy.engine, run.adapter)
        comparison = self._compared(base, policy)
        made = self._report(run, policy, comparison, gamed=f"{fault.seen}.")
        self.progress.report(made)
        kept = f"the model of step {clean} of {at}, before it began, is kept in {model}, and {goes_on} goes on from there"
        return RewardGamed(fault.what, seen=fault.seen, todo=f"{fault.todo}; {kept}", report=made.to_json())

    def _try(self, policy: Policy) -> None:
        """Before a run learns from its own answers: whether there is something to learn. Raises TaskRefused."""
        config = self.config
        assert isinstance(config, GRPO)
        asking = asking_of(config, self.prepared, None)
        title = sources.title(config.data)
        if not config.accept_gameable:
            task = ready.find(config.data)
            setting, allowed = (None, ()) if task is None else (task.environment, (task.means.allowed,))
            rows = shuffled(self.prepared.train.examples, 0)[:AUDITED]
            audit = prove.audited(rows, asking.grader, setting, allowed=allowed, limit_tokens=config.answer_tokens)
            audit.insist(f"the task {title}", otherwise="or say accept_gameable=true")
        questions = asking.questions(shuffled(self.prepared.train.examples, config.seed)[:QUESTIONS])
        found = readiness(policy, asking, questions, samples=config.group)
        self.progress.note(f"before training, {found.seen}")
        found.insist(f"the task {title} with this model")

    def _models(self, policy: Policy, begun: Begun) -> connect.LocalModels:
        """What the recipe sees. A full fine-tune changes what it started from."""
        return connect.LocalModels(policy, self._start(policy, begun))

    def _start(self, policy: Policy, begun: Begun) -> Policy | None:
        """What the run starts from, where it is kept."""
        return None if self.config.method == "full" else Policy(policy.engine, begun.adapter)

    def _tell(self, run: Run, policy: Policy, begun: Begun, model: Path, comparison: Comparison) -> Outcome:
        """Write the report, then the certificate, whose audits open the model anew."""
        folder, config, prepared = self.folder, self.config, self.prepared
        assert config.eval_items
        state, engine = run.state, policy.engine
        held_out = prepared.measured.head(config.eval_items)
        made = self._report(run, policy, comparison)
        proof = certificate.certify(
            folder.name,
            policy,
            base=self.ref.base,
            open_fresh=certificate.opener(choices_of(engine), base=self.ref, extension=prepared.extension),
            renderer=prepared.renderer,
            rows=run.pictured() or prepared.train.rendered,
            held_out=held_out.data,
            prompts=[prepared.renderer.prompt_of(e) for e in held_out.examples],
            saved=run.kept,
            model=model,
            start=state.start_sizes,
            steps=state.best_step,
            recorded=state.replay[1] if state.replay else None,
            redo=lambda: run.redo(lambda again, once: methods.train(config, self._models(again, begun), once)),
        )
        certificate.write(proof, folder.path)
        self.progress.report(made)
        return Outcome(name=folder.name, folder=folder.path, model=model, report=made, certificate=proof)

    def _report(self, run: Run, policy: Policy, comparison: Comparison, *, gamed: str | None = None) -> report.Report:
        """What changed, written. gamed: what was seen when the run stopped for it."""
        folder = self.folder
        base, trained = (Evaluation.from_json(read_json(folder.path / file)) for file in (BASE, TRAINED))
        made = report.build(
            run=folder.name,
            plan=read_json(folder.path / PLAN),
            base=base,
            trained=trained,
            comparison=comparison,
            metrics=folder.read_metrics(),
            best_step=run.state.best_step,
            stopped_early=run.state.stopped_early,
            learned=self._measuring.learned(run, policy, base, trained, gamed) if methods.asks(self.config) else None,
        )
        report.write(made, folder.path)
        return made

    def _run(self, policy: Policy, stop: Stop, start: Policy | None) -> Run:
        """The Run, at its beginning or where its newest sound checkpoint is."""
        folder, config, prepared = self.folder, self.config, self.prepared
        assert config.eval_items
        assert policy.adapter is not None
        facts = {"versions": versions(policy.engine)}
        found = checkpoints.latest(folder)
        sizes = dict(policy.engine.inspect(policy.adapter)) if policy.adapter.kind == "lora" else None
        state = State(start_digest=policy.engine.digest(policy.adapter), start_sizes=sizes)
        if found is not None:
            for note in found.notes:
                self.progress.warning(note)
            if found.state["versions"] != facts["versions"]:
                self.progress.warning(f"versions are not those of the first start, so bits may differ: {found.state['versions']}")
            policy.engine.load(found.path, adapter=policy.adapter)
            state = State.from_json(found.state["state"])
            self.progress.note(f"going on after step {state.step} of {config.steps}")
        mended = sameness.mended_after(folder)
        if mended is not None and state.step == mended:
            state.watched_from, state.best_step, state.best, state.stale, state.waiting = mended, None, None, 0, None
        for file in (METRICS, ROLLOUTS, WATCHES):
            folder.cut(file, state.step if found else -1)
        held_out = prepared.valid.head(config.eval_items)
        asking = asking_of(config, prepared, folder, self.progress) if isinstance(config, GRPO) else None
        asks = asking and self._asks(asking, state)
        guard = None
        if asking is not None and asking.watch is not None:
            assert isinstance(config, GRPO)
            asking.watch.restore(folder.lines(ROLLOUTS), folder.lines(METRICS), since=state.watched_from)
            guard = Guard(asking.watch, config, folder, self.progress, start, state.watched_from)
        return Run(
            folder,
            config,
            policy,
            rows=() if asks else prepared.train.data,
            gauge=asking.gauge(held_out.examples) if asking else loss_gauge(held_out.data),
            asks=asks,
            progress=self.progress,
            stop=stop,
            state=state,
            facts=facts,
            draw=lambda step: self._measuring.sample(policy, step),
            watch=self.watch,
            guard=guard,
        )

    def _asks(self, asking: Asking, state: State) -> Questioner:
        """The questions of a run that asks, and how far it came in them."""
        config, examples = self.config, self.prepared.train.examples
        assert isinstance(config, GRPO)
        questions = asking.questions(examples)
        if left := len(examples) - len(questions):
            self.progress.note(f"{left} questions are left out: they leave no room for an answer")
        order, learnable = Order.of(config, len(questions)), config.curriculum == "learnable"
        asks = Questioner(asking, questions, Picking.of(order, learnable=learnable, kept=state.picking))
        if config.ahead:
            assert config.steps
            asks.ahead = Ahead(steps=config.steps, kept=state.waiting)
        return asks

    def _keep_model(self, engine: Engine, adapter: Adapter) -> Path:
        """Write model/: PEFT files, or a whole Hugging Face directory, with the tokenizer."""
        final = self.folder.path / "model"
        with atomic_directory(final) as path:
            engine.export(path, adapter=adapter, form="peft" if adapter.kind == "lora" else "merged", base=str(self.ref.base))
            self.prepared.renderer.tokenizer.copy_to(path)
        return final
