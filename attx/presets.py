"""Named lists of methods: a method entry whose `use` is a preset's name stands for all of its methods."""

# AttEXplore++ (arXiv 2412.19523) says ten attacks and names MIG and GRA: the list is inferred (docs/methods.md)
ATTACKS = ("bim", "pgd", "di", "ti", "mi", "sini", "naa", "ssa", "mig", "gra")

# preset -> suffix of the label -> the method's spec
PRESETS: dict[str, dict[str, dict[str, object]]] = {
    "attexplore_pp": {attack: {"use": "attexplore", "attack": attack} for attack in ATTACKS},
}
