"""One command over a folder of files, in the sandbox: this file's text goes there. The files come with the command, and what it
has changed goes back; nothing stays. The standard library alone."""

import base64
import os
import stat
import subprocess

ROOT, OUTPUT = "/tmp/.root", "/tmp/.output"
SHELLS = ("/bin/bash", "/usr/bin/bash", "/bin/sh")


def run(given: dict, command: list, cwd: str, environment: dict, kept: int) -> dict:
    """given: files by full name, each [kind, mode, text] with kind "file" (base64), "link" or "folder". command: a program and
    its words; "shell" stands for the best there is. kept: bytes of output."""
    for name, entry in given.items():
        put(name, *entry)
    for name, (kind, mode, _) in given.items():  # once all is in it
        if kind == "folder":
            os.chmod(ROOT + name, mode)
    os.makedirs(ROOT + cwd, exist_ok=True)
    before = {name: tuple(entry) for name, entry in given.items()}
    words = [next(s for s in SHELLS if os.path.exists(s)), *command[1:]] if command[0] == "shell" else command
    told = {"PATH": "/burnish/bin:/usr/bin:/bin", "HOME": cwd, "TMPDIR": "/tmp", "LANG": "C.UTF-8", "PWD": cwd, **environment}
    with open(OUTPUT, "wb") as out:
        code = subprocess.run(words, cwd=cwd, env=told, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False).returncode
    with open(OUTPUT, "rb") as file:
        output = file.read(kept)
    found = taken()
    changed = {name: entry for name, entry in found.items() if before.get(name) != entry}
    return {
        "code": code,
        "output": output.decode("utf-8", "replace"),
        "changed": changed,
        "gone": [name for name in before if name not in found],
    }


def put(name: str, kind: str, mode: int, text: str) -> None:
    path = ROOT + name
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if kind == "folder":
        os.makedirs(path, exist_ok=True)
    elif kind == "link":
        os.symlink(text, path)
    else:
        with open(path, "wb") as file:
            file.write(base64.b64decode(text))
        os.chmod(path, mode)


def taken() -> dict:
    """All files of the places, by full name; no link is followed."""
    found = {}
    for here, folders, files in os.walk(ROOT):
        for name in [*folders, *files]:
            path = os.path.join(here, name)
            facts = os.lstat(path)
            full = path[len(ROOT) :]
            mode = stat.S_IMODE(facts.st_mode)
            if stat.S_ISLNK(facts.st_mode):
                found[full] = ("link", 0o777, os.readlink(path))
            elif stat.S_ISDIR(facts.st_mode):
                found[full] = ("folder", mode, "")
            elif stat.S_ISREG(facts.st_mode):
                with open(path, "rb") as file:
                    found[full] = ("file", mode, base64.b64encode(file.read()).decode())
    return found
