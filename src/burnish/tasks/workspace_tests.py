"""Runs the functions test_* of the files that it is given, as pytest would, in the sandbox, where this text goes. Functions with
arguments (fixtures, parameters) are failures, since pytest alone knows what to give them.

The last line that it prints is a mark, which it is given, 1 or 0, and what was seen."""

import importlib.util
import inspect
import sys
import traceback


def main() -> int:
    mark, *names = sys.argv[1:]
    del sys.argv[1:]
    passed, failed = 0, []
    for number, name in enumerate(names):
        spec = importlib.util.spec_from_file_location(f"burnish_tests_{number}", name)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
            tests = found(module)
        except BaseException as error:
            failed.append(f"{name}: {type(error).__name__}: {error}")
            continue
        for test in tests:
            try:
                test()
                passed += 1
            except BaseException as error:
                last = traceback.extract_tb(error.__traceback__)[-1]
                failed.append(f"{test.__name__} (line {last.lineno}): {type(error).__name__}: {error}")
    print("\n".join(failed))
    good = bool(passed) and not failed
    told = f"{passed} tests pass, {len(failed)} fail{': ' + failed[0] if failed else ''}"
    print(f"\n{mark}{int(good)} {' '.join(told.split())}", flush=True)
    return 0 if good else 1


def found(module) -> list:
    """Functions in the order of the file, and methods of classes Test*."""
    tests = [f for n, f in vars(module).items() if n.startswith("test_") and inspect.isfunction(f)]
    for name, cls in vars(module).items():
        if name.startswith("Test") and inspect.isclass(cls):
            tests += [getattr(cls(), n) for n in vars(cls) if n.startswith("test_")]
    return tests


if __name__ == "__main__":
    sys.exit(main())
