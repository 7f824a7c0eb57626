"""Which images share a job: linear hashing of the ids (Litwin, VLDB 1980), so that a grown set is not dealt anew."""

from collections.abc import Iterable

from attx.data.entry import stable_hash
from attx.errors import UserError

AUTO_SIZE = 100  # images of a shard, with `shard_size: auto`,
AUTO_SHARDS = 64  # unless there were more shards: each is a job, with files, of every model, method and metric


def shards(image_ids: Iterable[str], shard_size: int | str) -> dict[str, list[str]]:
    """The shards' names ("s0000", ...), in order, and the ids of each, sorted. Empty shards are left out.

    `shard_size` is the mean, or auto; a shard may hold about twice as many. One if all images fit into it. An image
    belongs to a shard by its id and the number of shards alone: adding one changes its own shard, and where the number
    of shards grows by one with it, splits one other.
    """
    ids = sorted(image_ids)
    buckets = _count(len(ids), shard_size)
    dealt: dict[str, list[str]] = {}
    for image_id in ids:
        dealt.setdefault(f"s{_bucket(image_id, buckets):04d}", []).append(image_id)
    return dict(sorted(dealt.items(), key=lambda item: int(item[0][1:])))


def _count(images: int, shard_size: int | str) -> int:
    if shard_size == "auto":
        return min(-(-images // AUTO_SIZE), AUTO_SHARDS)
    if shard_size < 1:
        raise UserError(f"shard_size: {shard_size} must be 1 or more")
    return -(-images // shard_size)


def _bucket(image_id: str, buckets: int) -> int:
    """Of 2^k <= buckets < 2^(k+1) buckets, the first `buckets - 2^k` are split in two already."""
    level = 1 << (buckets.bit_length() - 1)
    value = stable_hash(image_id)
    bucket = value % (2 * level)
    return bucket if bucket < buckets else value % level
