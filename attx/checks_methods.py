"""The checks of one method, and of any entry's keys. No torch: the Snakefile imports this."""

from typing import TYPE_CHECKING

from attx import registry
from attx.entries import filled
from attx.errors import UserError, unknown

if TYPE_CHECKING:
    from attx.config import Config

PART = {"first": "int", "stratified": "int"}  # keys of a data set beside those of its source


def check_method(config: "Config", where: str, spec: dict) -> None:
    """Its keys, its attack, the members of an ensemble, references; `where` opens the message."""
    extra = {}
    if "attack" in spec:
        registry.check(where, {"attack": spec["attack"]}, {"attack": "str"})
        attack = config.attacker(spec)["use"]
        if attack not in registry.names("attacks"):
            known = {*registry.names("attacks"), *config.attacks}
            raise UserError(f"{where}.attack: {unknown('attack', attack, known)}")
    if spec["use"] in registry.names("attribution"):
        extra = registry.method_parameters(spec["use"], {"attack": config.attacker(spec)["use"]})
    check_params(where, "attribution", spec["use"], spec, extra)
    if spec.get("rule") == "best" and not config.first_judge()["metric"]:
        raise UserError(f"{where}.rule: best needs a metric of `use: insertion_deletion`, by whose areas it chooses")
    whole = [m for m, s in config.methods.items() if "of" not in s]
    for member in spec.get("of", ()):  # an ensemble's
        if member not in whole:
            raise UserError(f"{where}.of: {unknown('method', member, whole)}")
    if "of" in spec and (len(spec["of"]) < 2 or len(set(spec["of"])) < len(spec["of"])):
        raise UserError(f"{where}.of: {spec['of']} must name two methods at least, each once")
    for attack in spec.get("attacks") or ():  # files, by name
        if attack not in registry.names("attacks"):
            raise UserError(f"{where}.attacks: {unknown('attack', attack, registry.names('attacks'))}")
    check_images(f"{where}.references", "references", spec)


def check_images(where: str, key: str, spec: dict) -> None:
    """The images that an entry names under `key`, as an entry of `data` does, if it names any."""
    if spec.get(key):
        drawn = filled("data", key, spec[key])
        check_params(where, "data", drawn["use"], drawn, PART)


def check_params(where: str, family: str, use: str, spec: dict, extra: dict) -> None:
    """The keys that the file `use` takes, and `extra` ones, with their types; all that it needs."""
    if use not in registry.names(family):
        raise UserError(f"{where}: {unknown(registry.singular(family), use, registry.names(family))}")
    params = registry.params(spec)
    registry.check(where, params, registry.parameters(family, use) | extra)
    registry.complete(where, params, family, use)
