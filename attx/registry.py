"""The file system is the registry: `attx/<family>/<name>.py` defines `<name>` by one function, `build`.

Its keyword parameters are what a config may set. Names and parameters are read from the source by `ast`, so
that a config is checked, with the nearest known key named, without importing torch.
"""

import ast
import importlib
import re
from collections.abc import Callable
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from types import ModuleType

from attx.errors import UserError, unknown

ROOT = Path(__file__).parent
ENTRY = {"figures": "draw", "stages": "run"}  # the function that makes a file an entry, where it is not `build`
SINGULAR = {"attribution": "method", "data": "data source"}
COMMON = {  # the function whose keywords an entry's `**common` stands for
    "attacks": ("attack.py", "compose"),
    "perturbations": ("attributional.py", "compose"),
    "training": ("trainer.py", "compose"),
}
TYPES = {"int": Integral, "float": Real, "str": str, "bool": bool, "list": list, "dict": dict}


@cache
def names(family: str) -> tuple[str, ...]:
    """The names a family offers, sorted: its files that define `build` (figures: `draw`)."""
    return tuple(sorted(path.stem for path in (ROOT / family).glob("*.py") if _entry(family, path.stem)))


@cache
def _entry(family: str, name: str) -> ast.FunctionDef | None:
    return _function(ROOT / family / f"{name}.py", ENTRY.get(family, "build"))


def defines(family: str, name: str, function: str) -> bool:
    """Whether an entry's file has a function of that name."""
    return _function(ROOT / family / f"{name}.py", function) is not None


def _function(path: Path, wanted: str) -> ast.FunctionDef | None:
    functions = (node for node in _tree(path).body if isinstance(node, ast.FunctionDef))
    return next((function for function in functions if function.name == wanted), None)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def load(family: str, name: str) -> ModuleType:
    """The module `attx.<family>.<name>`; UserError with the nearest name if there is none."""
    known(family, name)
    return importlib.import_module(f"attx.{family}.{name}")


def params(spec: dict) -> dict:
    """What a spec sets: all but `use`."""
    return {key: value for key, value in spec.items() if key != "use"}


def built(family: str, spec: dict) -> Callable:
    """What the entry that a spec names builds."""
    return load(family, spec["use"]).build(**params(spec))


def known(family: str, name: str) -> None:
    """Raise UserError, with the nearest name, unless `family` has `name`."""
    if name not in names(family):
        raise unknown(singular(family), name, names(family))


def singular(family: str) -> str:
    """What one entry of a family is called: "method", "attack", "data source" ..."""
    return SINGULAR.get(family, family.removesuffix("s"))


def parameters(family: str, name: str) -> dict[str, str]:
    """The keyword-only parameters of an entry and their annotations as written (`""` where there is none).

    `**common` stands for the keywords of the function that COMMON names for the family.
    """
    known(family, name)
    entry = _entry(family, name)
    found = _keywords(entry)
    return found | keywords(*COMMON[family]) if family in COMMON and entry.args.kwarg else found


def required(family: str, name: str) -> list[str]:
    """The keyword parameters of an entry that have no default."""
    arguments = _entry(family, name).args
    return [a.arg for a, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value is None]


def complete(where: str, spec: dict, family: str, name: str) -> None:
    """UserError unless `spec` has all the keyword parameters of an entry that have no default."""
    missing = [key for key in required(family, name) if key not in spec]
    if missing:
        raise UserError(f"{where}: {name} needs the key{'s'[: len(missing) - 1]} {', '.join(missing)}")


def keywords(file: str, function: str) -> dict[str, str]:
    """The keyword-only parameters of a function in a file of attx/, and their annotations as written."""
    return _keywords(_function(ROOT / file, function))


def _keywords(function: ast.FunctionDef) -> dict[str, str]:
    return {a.arg: ast.unparse(a.annotation) if a.annotation else "" for a in function.args.kwonlyargs}


def default(family: str, name: str, parameter: str) -> object:
    """What an entry's keyword parameter has by default, if that is written as a literal or a fraction; else None."""
    return _default(_entry(family, name), parameter)


def common_default(family: str, parameter: str) -> object:
    """As `default`, of a keyword that all entries of a family share."""
    file, function = COMMON[family]
    return _default(_function(ROOT / file, function), parameter)


def _default(function: ast.FunctionDef, parameter: str) -> object:
    arguments = function.args
    value = {a.arg: v for a, v in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)}.get(parameter)
    text = ast.unparse(value) if value else "None"
    try:
        return number(text) if isinstance(value, ast.BinOp) else ast.literal_eval(text)
    except ValueError:
        return None


def method_parameters(name: str, spec: dict) -> dict[str, str]:
    """The parameters of an attribution method; AttEXplore takes those of the attack that `spec` names as well."""
    found = parameters("attribution", name)
    return found | parameters("attacks", spec.get("attack", "ssa")) if "attack" in found else found


def method_default(name: str, spec: dict, parameter: str) -> object:
    """The default of a method's parameter, of its own or of its attack's; None where there is none to be read."""
    if parameter in parameters("attribution", name) or "attack" not in parameters("attribution", name):
        return default("attribution", name, parameter)
    attack = spec.get("attack", "ssa")
    own = parameter in _keywords(_entry("attacks", attack))
    return default("attacks", attack, parameter) if own else common_default("attacks", parameter)


def summary(family: str, name: str) -> str:
    """The first line of the module's docstring."""
    return (ast.get_docstring(_tree(ROOT / family / f"{name}.py")) or "").split("\n")[0]


def constant(family: str, name: str, variable: str) -> object:
    """The literal that a module, or one of its family from which it imports it, assigns to `variable`; else None."""
    for node in _tree(ROOT / family / f"{name}.py").body:
        place, _, source = (getattr(node, "module", None) or "").rpartition(".")
        if place == f"attx.{family}" and variable in [alias.name for alias in node.names]:
            return constant(family, source, variable)
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == variable for t in node.targets):
            return ast.literal_eval(node.value)
    return None


def check(where: str, spec: dict, allowed: dict[str, str]) -> None:
    """Every key of `spec` must be allowed and, where its annotation is plain or a Literal, of that type.

    `where` opens the message of the UserError.
    """
    for key, value in spec.items():
        if key not in allowed:
            raise UserError(f"{where}: {unknown('key', key, allowed)}")
        if allowed[key].startswith("Literal["):
            choices = ast.literal_eval(f"({allowed[key][8:-1]},)")
            if value not in choices:
                raise UserError(f"{where}.{key}: {unknown('value', str(value), map(str, choices))}")
            continue
        kinds = [k.strip() for k in allowed[key].split("|")]
        types = tuple(TYPES[k] for k in kinds if k in TYPES)  # NumPy's numbers are numbers, too
        fine = not types or isinstance(value, types) or (value is None and "None" in kinds)
        if not fine or (isinstance(value, bool) and "bool" not in kinds and types):
            raise UserError(f"{where}.{key}: {value!r} is not of type {allowed[key]}")


def number(value: object) -> object:
    """A float for "16/255", as the field writes its epsilons, and for "1e-3", text to YAML; else the value as it is."""
    fraction = re.fullmatch(r"([0-9.]+) */ *([0-9.]+)|([0-9.]+e[-+]?[0-9]+)", value) if isinstance(value, str) else None
    try:
        return float(fraction[3] or float(fraction[1]) / float(fraction[2])) if fraction else value
    except (ValueError, ZeroDivisionError):  # for `check` to name
        return value
