"""`python -m attx list`: the registry, for people."""

from attx import registry
from attx.checks import SOURCE
from attx.cli import LISTS
from attx.presets import PRESETS


def run(*, what: str | None) -> None:
    """Print each name, the first line of its docstring, and its parameters."""
    for title in [what] if what else LISTS:
        print(f"{title}:")
        for name in registry.names(LISTS[title]):
            print(f"  {name:22}{registry.summary(LISTS[title], name)}")
            if parameters := _parameters(LISTS[title], name):
                print(f"  {'':22}{', '.join(parameters)}")
        for preset, members in PRESETS.items() if title == "methods" else ():
            first = f"{preset}_{next(iter(members))}"
            print(f"  {preset:22}A preset for configs: {len(members)} methods, {first} and so on.")


def _parameters(family: str, name: str) -> list[str]:
    """The keys of an entry, required ones marked; of figures with those that say what they are drawn from."""
    found = [
        f"{key} (required)" if key in registry.required(family, name) else key
        for key in registry.parameters(family, name)
    ]
    if family == "figures":
        found += [key for key in SOURCE[registry.constant(family, name, "NEEDS")] if key not in found]
    return found + (["those of its attack"] if "attack" in found else [])
