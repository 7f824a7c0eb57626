"""What figures of maps are drawn from: some images, and their maps by model and method."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Gallery:
    """Images and maps by model and image id; a map may have another size than its image, if its model does.

    images: (H, W, 3) in [0, 1], as the model sees them. maps: per (model, method), signed (H, W) by image id.
    titles: names for the images, such as the class that the model's maps explain. classes: the names of each model's
    classes. made: what a store of each model's and method's maps says of how they were made.
    """

    images: dict[tuple[str, str], np.ndarray]
    maps: dict[tuple[str, str], dict[str, np.ndarray]]
    titles: dict[tuple[str, str], str] = field(default_factory=dict)
    classes: dict[str, list[str]] = field(default_factory=dict)
    made: dict[tuple[str, str], dict] = field(default_factory=dict)
