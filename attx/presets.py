"""Presets: entries of `methods:` that stand for several methods. No torch."""

# AttEXplore++ (arXiv 2412.19523) takes ten attacks and names two: the list is a reconstruction, see docs/methods.md
TEN = ("bim", "pgd", "di", "ti", "mi", "sini", "naa", "ssa", "mig", "gra")
PRESETS: dict[str, dict[str, dict]] = {
    "attexplore_pp": {attack: {"use": "attexplore", "attack": attack} for attack in TEN}
}
