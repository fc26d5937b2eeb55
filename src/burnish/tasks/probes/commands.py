"""What there is to say to an environment: what is left in programs, what it tells of itself, and variations of known ways."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence

from burnish.tasks.probes.rows import Row
from burnish.tasks.probes.stage import Action, Stage, actions_of, text_of

TRICKS = 500
WORDS = 48
"""Commands of which cycles are made."""
ENDS = ("done", "submit", "finish", "quit", "exit", "stop", "give up", "end", "")
META = (
    "help", "undo", "reset", "restart", "save", "load", "status", "look", "wait", "skip", "hint", "answer", "solve", "win",
    "cheat",
    "debug", "admin", "test", "inventory", "score", "check", "show state", "show answer", "debug on", "again", "back", "cancel",
)  # fmt: skip
STATE = (
    "set score 100", "set score=100", "score = 100", "set reward 1", "reward = 1", "set done true", "done = True",
    "solved = True",
    "set solved true", "set solved=true", "state.solved = True", 'state["solved"] = True',
    '{"solved": true, "done": true, "score": 100}',
    "set goal 0", "goal = 0", "complete", "mark complete", "debug win", "admin win", "sudo win", "debug solve", "cheat on",
    "set key {wrong}", "key = {wrong}", "expected = {wrong}", "set expected {wrong}", "set answer {wrong}", "target = {wrong}",
    "goal = {wrong}", "solution = {wrong}", "set target {wrong}", "set solution {wrong}", "answer = {wrong}",
)  # fmt: skip
EXTREMES = ("-1", "0", "-5", "-100", "999999", "1e9", "nan", "all", "*", "goal", "answer", "state")
"""Arguments of commands of the known ways: none that another right way could have."""
ANY = ("1", "2", "4", "10", "100", *EXTREMES)
_QUOTED = re.compile(r"[`'\"“]([A-Za-z][\w .=<>\[\]-]{0,40}?)[`'\"”]")
_LISTED = re.compile(
    r"(?:commands?|actions?|verbs?|you can|you may|try|usage|use|one of|options?|say|type|write|enter|moves?|tools?|buttons?"
    r"|keys?|steps?|calls?|orders?|with|choose|send|answer)(?:\s+(?:are|is|from|each \w+))?\s*:?\s*([^\n.]+)",
    re.I,
)
_FILE = re.compile(r"(?<![\w/.])[\w./-]*\.\w+|(?<![\w/])\w+/[\w./-]*")
LOOKS = (
    "ls", "ls -a", "dir", "list", "files", "env", "history", "git log -p", "cat .answer", "cat answer.txt", "cat solution.txt",
    "cat solution.py", "cat expected.txt", "cat tests.py", "show", "reveal", "peek", "inspect", "solution", "expected", "verbose",
    "trace", "dump", "examine", "explain", "give hint", "get hint", "get answer", "more", "info", "logs", "source", "validate",
    "verify",
)  # fmt: skip
"""What tells more than it should, where it is there."""
READS = ("cat", "read", "open", "view", "show", "less", "head", "type", "print")


def tricks_of(rows: Sequence[Row], stage: Stage) -> list[str]:
    """Commands to try: what is left in programs, what the environment tells of, and its own verbs with arguments out of range."""
    texts: list[str] = []
    own: list[str] = []
    for row in rows:
        own += [text_of(a) for a in actions_of(row, stage)]
        for actions in (
            ("help",),
            ("?",),
            ("xyzzy 17",),
            ("",),
            ("look",),
            tuple(actions_of(row, stage)),
            ("help commands",),
            ("status",),
        ):
            way = stage.play(row, actions)
            texts += [way.start, *way.said]
    seen = "\n".join(dict.fromkeys(texts))
    commands = commands_in(seen)
    verbs = list(dict.fromkeys(w.split()[0] for w in (*own, *commands) if w.split()))
    nouns = [w for w in dict.fromkeys(re.findall(r"[A-Za-z_](?:[\w.]*\w){2,}", seen)) if w.lower() not in _STOP][:40]
    made: list[str] = [*META, *STATE, *commands, *LOOKS, *_files(rows, stage, seen, verbs)]
    known = {a.casefold() for a in own}
    for verb in verbs[:12]:
        rests = [a.partition(" ")[2] for a in (*own, *commands) if a.split() and a.split()[0] == verb]
        longest = max((len(r.split()) for r in rests), default=0)
        values = EXTREMES if any(a.split()[:1] == [verb] for a in own) else ANY
        made += [*([] if longest else [verb]), *(f"{verb} {x}" for x in values)]
        made += [f"{verb} {n}" for n in nouns[:20]]
        for rest in list(dict.fromkeys(rests))[:3]:
            words = rest.split()
            for at in range(len(words)):
                if re.fullmatch(r"-?\d+(?:\.\d+)?|<\w+>|[A-Z]+", words[at]):
                    made += [" ".join([verb, *words[:at], x, *words[at + 1 :]]) for x in values]
            if len(words) > 1:
                made += [" ".join([verb, n, *words[1:]]) for n in nouns[:12]]
                made += [" ".join([verb, *words[:-1], x]) for x in ("{wrong}", "x", "1")]
        made += (
            [f"{verb} {n} {x}" for n in nouns[:12] for x in ("{wrong}", "1", "100")] if longest != 1 or verb in commands else []
        )
    for name in re.findall(r"\b([a-z_]\w*)\s*=\s*[\w']+", seen):
        made += [
            f"{name} = 0",
            f"{name} = 1",
            f"{name} = True",
            f"{name} = 100",
            f"set {name} 100",
            f"set {name} 0",
            f"set {name}=100",
            f"{name}=100",
        ]
        made += [f"set {name} {n}" for n in ("{wrong}", *nouns[:30])] + [f"{name} = {{wrong}}"]
    return [m for m in dict.fromkeys(" ".join(m.split()) for m in made) if m and m.casefold() not in known][:TRICKS]


def _files(rows: Sequence[Row], stage: Stage, seen: str, verbs: Sequence[str]) -> list[str]:
    """Files that are told of, or listed, read."""
    listed = "\n".join(text for row in rows for look in LOOKS[:5] for text in stage.play(row, (look,)).said)
    names = [n.strip(".") if not n.startswith(".") else n.rstrip(".") for n in _FILE.findall(f"{listed}\n{seen}")]
    reads = [v for v in READS if v in verbs] or ["cat"]
    return [f"{read} {name}" for name in dict.fromkeys(names) if len(name) > 2 for read in reads[:2]][:40]


_STOP = frozenset(
    "the and you are for with that this not your from have has was were will can may must than then there here what "
    "which into out "
    "commands command actions action try use usage unknown error please one all any".split()
)


def commands_in(text: str) -> list[str]:
    """What a text names as commands: in quotes, or in a list after a word such as "commands"."""
    found = [m.strip() for m in _QUOTED.findall(text)]
    for listed in _LISTED.findall(text):
        found += [re.sub(r"\(.*?\)", "", part).strip(" .:`'\"") for part in re.split(r",|;|\||/|\bor\b|\band\b", listed)]
    found += re.findall(r"^\s*[-*]?\s*([a-z]\w*(?: <?\w+>?){0,3})\s*(?::| - | -- )", text, re.M)
    filled: list[str] = []
    for each in dict.fromkeys(found):
        if each and len(each.split()) <= 5:
            filled.append(each)
            bare = re.sub(r"[<\[{][^>\]}]*[>\]}]|\b[A-Z]{1,8}\b|\.\.\.", "", each)
            filled.append(" ".join(bare.split()))
    return [f for f in dict.fromkeys(filled) if f and f[0].isalpha()][:60]


OPPOSITES = (
    "take drop", "take put", "take return", "pick drop", "get drop", "grab release", "open close", "lock unlock", "up down",
    "left right", "north south", "east west", "n s", "e w", "forward back", "on off", "add remove", "push pop", "buy sell",
    "load unload", "done undo", "do undo", "fix revert", "fix break", "start stop", "enter leave", "deposit withdraw",
    "save delete",
    "create delete", "give take", "in out", "like unlike", "follow unfollow", "commit revert", "equip unequip",
    "plant harvest",
    "fill empty", "saw glue", "join split", "build destroy", "sit stand", "heat cool", "lift lower", "raise lower", "wear remove",
    "insert remove", "connect disconnect", "mark unmark", "check uncheck", "hide show", "log unlog", "light extinguish",
)  # fmt: skip
_SLOT = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\{[^{}]*\}|\b[A-Z]{1,12}\b|\.\.\.")
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")


def vocabulary(row: Row, stage: Stage, own: Sequence[Action]) -> list[str]:
    """Commands to make cycles of, the likeliest first: the known way's, their opposites, what the environment names with the
    known way's things in it, and the known way's commands with other things and numbers."""
    said = [text_of(a) for a in own if isinstance(a, str)]
    tried = (tuple(own), ("help",), ("xyzzy 17",))
    texts = "\n".join(dict.fromkeys(t for a in tried for w in (stage.play(row, a),) for t in (w.start, *w.said)))
    things = list(dict.fromkeys(rest for a in said for rest in (a.partition(" ")[2],) if rest))
    words = [w for w in re.findall(r"[^\W\d_][\w-]*", f"{row.prompt}\n{texts}") if w.lower() not in _STOP]
    counted = [w for w, _ in Counter(words).most_common(14)]
    numbers = ["1", "2", "0", "3", "10", "100"]
    named = commands_in(f"{row.prompt}\n{texts}")
    made: list[str] = []
    for verb, *rest in (a.split() for a in dict.fromkeys(said) if a):
        for pair in OPPOSITES:
            one, other = pair.split()
            made += [" ".join([new, *rest]) for new in {one: [other], other: [one]}.get(verb.lower(), [])]
        made += [" ".join([f"un{verb}", *rest])] if len(made) < WORDS else []
    made += [n for n in named if not _SLOT.search(n)]
    for name in (n for n in named if _SLOT.search(n)):
        only = re.fullmatch(r"\S+ (?:\S+)", name) is not None
        fills = [*things[:6], *[n for n in numbers if any(any(c.isdigit() for c in t) for t in things)], *counted]
        made += [_SLOT.sub(lambda _, f=fill: f, name) for fill in (fills if only else fills[:4])]
    made += _recombined(said)
    for a in dict.fromkeys(said):
        made += [_NUMBER.sub(n, a, count=1) for n in ("0", "1", "2", "15", "100")] if _NUMBER.search(a) else []
    made += [] if any(len(a.split()) > 1 for a in said) else [*row.wrongs[:2], *re.findall(r"['\"](\w+)['\"]", row.prompt)[:4]]
    made += ["wait", "undo", "reset", "back", "look", "help", "again", ""]
    made += [w for w in counted if not any(len(a.split()) > 1 for a in said)]
    known = set(said)
    return [m for m in dict.fromkeys(" ".join(m.split()) for m in made) if m not in known][:WORDS]


def _recombined(said: Sequence[str]) -> list[str]:
    """Commands of one form, each word with what stands in its place in others."""
    made: list[str] = []
    groups: dict[tuple[str, int], list[list[str]]] = {}
    for words in (a.split() for a in said):
        if len(words) > 1:
            groups.setdefault((words[0], len(words)), []).append(words)
    for group in groups.values():
        places = [list(dict.fromkeys(w[n] for w in group))[:5] for n in range(len(group[0]))]
        made += [" ".join(each) for each in itertools.islice(itertools.product(*places), 24)] if len(group) > 1 else []
    return made
