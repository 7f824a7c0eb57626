"""Which functions a config may name: a config may come from others, and what it names is run. No torch.

A module is trusted if it lies in the folder where one runs, where its user has put it, or if the environment variable
ATTX_TRUST, a list with commas, has its top-level name. No key of a config can add to that.
"""

import importlib.machinery
import importlib.util
import os
import sys
from pathlib import Path

from attx.errors import UserError

VARIABLE = "ATTX_TRUST"
# of this project: their functions write files and start programs, and are no models
OWN = ("attx", "attx_kernels", "kernels", "benchmarks", "tests", "__main__")
TOYS = "tests.toy_models"  # but these, which config/tiny.yaml runs


def check(where: str, function: str) -> None:
    """UserError unless `function` is of the form module:function, and its module trusted; nothing is imported."""
    module, _, name = function.partition(":")
    if not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise UserError(f"{where}: {function!r} is not of the form module:function, such as my_models:make")
    if trusted(module):
        return
    top, here = module.partition(".")[0], os.getcwd()
    if not _places(top):
        raise UserError(f"{where}: the module {module!r} was not found: put it into the folder where you run, {here}")
    other = "" if _named(top) else f"; if whatever a config may call of {top} is harmless, set {VARIABLE}={top}"
    raise UserError(
        f"{where}: {function} is not run, since a config may come from others, and {top} is not your own code in the "
        f"folder where you run, {here}: write a function there that calls it{other}"
    )


def trusted(module: str) -> bool:
    """Whether functions of a module may be called because a config names them."""
    top = module.partition(".")[0]
    if module == TOYS or top in os.environ.get(VARIABLE, "").replace(" ", "").split(","):
        return True
    if _named(top):
        return False
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    places = _places(top)
    return bool(places) and all(map(_own, places))


def _named(top: str) -> bool:
    return top in OWN or top in sys.stdlib_module_names


def _places(top: str) -> list[Path]:
    """The folders of a package or the file of a module, without importing it; none if there is neither."""
    try:
        # first as if it were not imported yet: that may have been in another folder
        spec = importlib.machinery.PathFinder.find_spec(top) or importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    return [Path(place).absolute() for place in spec.submodule_search_locations or filter(None, [spec.origin])]


def _own(place: Path) -> bool:
    """Whether a place is below the folder where one runs, and not in an environment that was installed there."""
    here = Path.cwd()
    found = next((way for way in (place, place.resolve()) if way.is_relative_to(here)), None)
    return found is not None and not {"site-packages", "dist-packages"} & set(found.relative_to(here).parts)
