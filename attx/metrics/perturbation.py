"""What metrics that perturb images share: draws by image id, and checks of their counts."""

from collections.abc import Sequence

from attx.errors import UserError
from attx.rng import Rows, image_key


def rows_of(seed: int, image_ids: Sequence[str | int], copies: int, *, first: int) -> Rows:
    """The rows of `copies` perturbed copies of each image, image by image; the first of them is copy `first`."""
    pairs = [(image, first + copy) for image in range(len(image_ids)) for copy in range(copies)]
    keys = [image_key(seed, image_id) for image_id in image_ids]
    return Rows(keys, [image for image, _ in pairs], [copy for _, copy in pairs], step=0)


def check_counts(**counts: int) -> None:
    """UserError unless each is 1 at least."""
    for name, value in counts.items():
        if value < 1:
            raise UserError(f"{name} {value}: give a whole number of 1 at least")
