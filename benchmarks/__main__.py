"""Measure the course against other ways: ``python -m benchmarks [--quick] [name ...]``."""

import argparse
import importlib
import os

NAMES = ("loading", "dogs", "signs", "bfloat16", "grading", "widgets")


def tables(name: str, quick: bool):
    """Yield the tables of one benchmark. Keras is imported for those that need it only."""
    from benchmarks import loading

    if name == "loading":
        yield loading.report("dogs_vs_cats", "test", quick)
        yield loading.report("sign_language_digits", "train", quick)
        return
    if name in ("grading", "widgets"):
        yield importlib.import_module(f"benchmarks.{name}").report(quick)
        return
    from benchmarks import bfloat16, projects

    report = {
        "dogs": projects.dogs_vs_cats,
        "signs": projects.sign_language,
        "bfloat16": bfloat16.report,
    }
    yield report[name](quick)


def main() -> None:
    """Run the benchmarks that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"some of: {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="few images, to see that it runs")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(NAMES))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; choose from: {', '.join(NAMES)}")
    print(f"{os.cpu_count()} processors. Ratios are against the other way in this run.\n")
    for name in arguments.names or NAMES:
        for text in tables(name, arguments.quick):
            print(text, end="\n\n", flush=True)


if __name__ == "__main__":
    main()
