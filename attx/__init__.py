"""attx: attributions of image classifiers by AttEXplore and its peers, and how well they hold.

The public names are resolved on first use, so that `import attx.config` loads no torch.
"""

import importlib

_HOMES = {
    "AttEXplore": "attx.api",
    "explain": "attx.api",
    "load_attack": "attx.api",
    "load_perturbation": "attx.api",
    "load_model": "attx.models.loading",
    "load_images": "attx.data.loading",
    "insertion_deletion": "attx.metrics.insertion_deletion",
    "map_similarity": "attx.metrics.map_similarity",
    "UserError": "attx.errors",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'attx' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
