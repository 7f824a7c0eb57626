"""What figures of the largest pixels are drawn from: an image, clean or perturbed, and the pixels picked of its map."""

from typing import NamedTuple

import numpy as np


class Pixels(NamedTuple):
    """The picked pixels of one map.

    title: a name for the image, such as the class explained. perturbation: a label, "" for the clean image, whose
    epsilon is 0. image: (H, W, 3) in [0, 1]. top_k: (H, W) bool, the k largest; top_k_div: the same, picked with
    windows kept clear.
    """

    model: str
    method: str
    image_id: str
    title: str
    perturbation: str
    epsilon: float
    image: np.ndarray
    top_k: np.ndarray
    top_k_div: np.ndarray
