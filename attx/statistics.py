"""Means with bootstrap intervals, shares with Wilson's, a paired test, and Holm's correction for many of them."""

import warnings
from typing import NamedTuple

import numpy as np
from scipy import stats

from attx.errors import UserError

RESAMPLES = 4999
MANY = 10_000  # of more values a mean is as good as normal: the bootstrap's noise is larger than what it would mend


class Interval(NamedTuple):
    """A mean and the ends of its confidence interval, NaN where one value alone gives none."""

    mean: float
    low: float
    high: float


def mean_interval(values: np.ndarray, *, confidence: float = 0.95, seed: int = 0) -> Interval:
    """The mean of `values` (n,) with its BCa bootstrap interval (Efron 1987; 4999 resamples of the images).

    Where BCa has no finite ends (few values, nearly all equal) the percentile interval stands in; equal values give an
    interval of no width; one value gives NaN ends; of `MANY` it is the normal one, since BCa takes n^2 steps. Raises
    UserError for no values and for NaN ones.
    """
    values = _checked(values)
    mean = float(values.mean())
    if len(values) == 1:
        return Interval(mean, np.nan, np.nan)
    if np.ptp(values) == 0:
        return Interval(mean, mean, mean)
    if len(values) > MANY:
        return Interval(mean, *map(float, _normal(values, confidence)))
    for method in ("BCa", "percentile"):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # scipy warns where BCa is degenerate; the loop then goes on to percentile
            found = stats.bootstrap(
                (values,),
                np.mean,
                n_resamples=RESAMPLES,
                batch=max(1, 2**20 // len(values)),
                confidence_level=confidence,
                method=method,
                rng=np.random.default_rng(seed),
            ).confidence_interval
        if np.isfinite([found.low, found.high]).all():
            break
    return Interval(mean, float(found.low), float(found.high))


def kind(fewest: int, most: int) -> str:
    """What intervals over so many images, at least and at most, are: bootstrap or normal ones, or some of each."""
    if fewest > MANY:
        return "normal"
    return f"bootstrap (above {MANY:,} images normal)" if most > MANY else "bootstrap"


def _normal(values: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """The ends of the normal intervals of the means of values (n, ...) over n."""
    mean = values.mean(0)
    half = stats.norm.ppf((1 + confidence) / 2) * values.std(0, ddof=1) / np.sqrt(len(values))
    return mean - half, mean + half


def mean_band(curves: np.ndarray, *, confidence: float = 0.95, seed: int = 0) -> tuple[np.ndarray, ...]:
    """The mean of curves (n, points) and the ends of its pointwise percentile bootstrap band, each (points,).

    Whole curves are resampled (2000 times). One curve gives NaN ends, more than `MANY` the normal ones.
    """
    curves = np.asarray(curves, dtype=float)
    n = len(curves)
    if n == 1:
        return curves[0], np.full_like(curves[0], np.nan), np.full_like(curves[0], np.nan)
    if n > MANY:
        return curves.mean(0), *_normal(curves, confidence)
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=2000)
    tail = (1 - confidence) / 2
    low, high = np.quantile(counts @ curves / n, [tail, 1 - tail], axis=0)
    return curves.mean(0), low, high


def share_interval(hits: int, trials: int, *, confidence: float = 0.95) -> Interval:
    """The share `hits` / `trials` with its interval by Wilson (1927); all NaN without trials."""
    if not trials:
        return Interval(np.nan, np.nan, np.nan)
    found = stats.binomtest(hits, trials).proportion_ci(confidence_level=confidence, method="wilson")
    return Interval(hits / trials, float(found.low), float(found.high))


def paired_p(differences: np.ndarray) -> float:
    """Two-sided p of the Wilcoxon signed-rank test that paired `differences` (n,) are symmetric about 0.

    Zeros are ranked and dropped (Pratt 1959); no difference at all gives 1. Exact where scipy can (no ties and n <= 50,
    or n <= 13). Raises UserError for no values and for NaN ones.
    """
    differences = _checked(differences)
    if not differences.any():
        return 1.0
    return float(stats.wilcoxon(differences, zero_method="pratt").pvalue)


def holm(p: np.ndarray) -> np.ndarray:
    """p values corrected for their number by Holm (1979), in the order given; NaN ones are not counted and stay NaN."""
    p = np.asarray(p, dtype=float)
    corrected = np.full_like(p, np.nan)
    order = np.argsort(p, kind="stable")[: np.count_nonzero(~np.isnan(p))]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(factors * p[order]), 1)
    return corrected


def _checked(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or not len(values) or np.isnan(values).any():
        raise UserError(f"statistics of values of shape {values.shape}: give at least one number, and no NaN")
    return values
