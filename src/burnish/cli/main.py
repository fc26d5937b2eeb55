"""Entry point and process border: every outcome becomes an exit code and a sentence, never a traceback.

0 done; 1 the work failed or nothing was trained; 2 the user's input or usage is wrong; 3 a run stopped because its
reward was being gamed; 130 interrupted. This is the one place that catches every exception: one that is not in the error
tree is our mistake, and its traceback goes to a file that is named.
"""

from __future__ import annotations

import atexit
import signal
import sys


def main() -> None:
    """Run the command line in sys.argv and exit."""
    as_json = "--json" in sys.argv[1:]
    try:
        code = _run(as_json)
    except KeyboardInterrupt:
        from burnish.errors import Interrupted

        code = _failed(Interrupted("stopped"), as_json)
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # while the interpreter ends there is nothing left to stop
    sys.exit(code)


STOPPED = 130
"""What typer returns when Ctrl-C ended a command."""


def _run(as_json: bool) -> int:
    import typer

    from burnish.cli.app import app
    from burnish.errors import BurnishError, UserError

    usage: type[Exception] = typer.BadParameter.__mro__[1]  # not exported under its own name by every version
    try:
        code = app(args=sys.argv[1:] or ["--help"], prog_name="burnish", standalone_mode=False) or 0
    except BurnishError as error:
        return _failed(error, as_json)
    except usage as error:
        return _failed(_usage_error(error, UserError), as_json)
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except BrokenPipeError:
        return _reader_left()
    except Exception as error:  # the border of the process: whatever it is becomes a sentence and a file
        return _failed(_unexpected(error), as_json)
    if code == STOPPED:
        raise KeyboardInterrupt
    return code


def _failed(error, as_json: bool) -> int:
    from burnish.cli.screen import show_error

    try:
        show_error(error, as_json=as_json)
    except BrokenPipeError:
        _reader_left()
    return error.exit_code


def _usage_error(error, kind):
    """typer's words for wrong usage, in our form."""
    context = error.ctx
    command = context.command_path if context else "burnish"
    what = error.format_message().strip().replace("\n", " ")
    return kind(what or "no command was given", todo=f"`{command} --help` says what this command takes")


def _reader_left() -> int:
    """The reader of our output has gone (`| head`): write to nothing from now on, so that the last flush is quiet."""
    import os

    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    return 1


def _unexpected(error: Exception):
    """A mistake of ours as an error of the tree; its traceback is written to a file."""
    import tempfile
    import traceback

    from burnish.errors import BurnishError

    with tempfile.NamedTemporaryFile("w", prefix="burnish-", suffix=".traceback.txt", delete=False) as file:
        file.write(" ".join(sys.argv) + "\n\n")
        traceback.print_exception(error, file=file)
    said = str(error).strip().splitlines()
    return BurnishError(
        "this should not have happened: a mistake in burnish, not in your input",
        seen=f"{type(error).__name__}: {said[0] if said else 'no message'}",
        todo=f"report it with the traceback, which is in {file.name}",
    )
