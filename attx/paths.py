"""Every path under the results folder, once: the rules use them as patterns, the code by `format`."""

from collections.abc import Mapping, Sequence
from itertools import product

MANIFEST = "data/{data}/manifest.csv"
STAMPS = "data/{data}/stamps.json"
SHARD = "data/{data}/shards/{shard}.csv"
WEIGHTS = "weights/{model}.json"
PREDICTIONS = "predictions/{data}/{model}/{shard}.csv"
SELECTED = "data/{data}/selected/{shard}.csv"
ATTRIBUTIONS = "attributions/{data}/{model}/{method}/{shard}.zarr.zip"
SHARD_SCORES = "scores/{data}/{metric}/{model}/{method}/{postprocess}/{shard}.parquet"
SCORES = "scores/{data}/{metric}.parquet"
TABLE = "tables/{data}_{metric}.{format}"
FIGURE = "figures/{data}_{figure}.{format}"
FIGURE_TABLE = "tables/{data}_{figure}.{format}"
CROSS_SCORES = "scores/{data}/{metric}/{model}/of/{source}/{method}/{postprocess}/{shard}.parquet"
TRACE = "traces/{data}/{model}/{method}/{shard}.parquet"
ADVERSARIAL = "adversarial/{data}/{model}/{attack}/{shard}.zarr.zip"
TRANSFER = "transfer/{data}/{model}/of/{source}/{attack}/{shard}.parquet"
SOURCE = "sources/{data}/{figure}.parquet"
TRAINED = "training/{training}/weights.safetensors"
CURVE = "training/{training}/curve.parquet"
PERTURBED = "perturbed/{data}/{model}/{perturbation}/{shard}.zarr.zip"
PERTURBED_ATTRIBUTIONS = "attributions/{data}/{model}/{method}/under/{perturbation}/{shard}.zarr.zip"
PLAN = "plan.json"
REPORT = "report.html"
PERTURBED_SCORES = "scores/{data}/{metric}/{model}/{method}/under/{perturbation}/{postprocess}/{shard}.parquet"


def combinations(pattern: str, **values: Sequence[str]) -> list[str]:
    """The paths of a pattern for all combinations of wildcards, the last one varying fastest."""
    return [pattern.format(**dict(zip(values, chosen, strict=True))) for chosen in product(*values.values())]


def parts(spec: Mapping) -> list[str]:
    """The files that a slice's `parts` name: a list of {pattern, wildcard: values ...}.

    Rules list them as inputs, and jobs find them by their spec: a command line has no room for thousands.
    """
    found = [path for part in spec["parts"] for path in combinations(**part)]
    return list(dict.fromkeys(found))
