"""A classifier that was trained here: `training` names the entry of the config's `training` that makes its weights."""

from attx.models.classifier import Classifier
from attx.training import nets


def build(*, weights: str, net: str = "small_cnn", classes: int = 10, channels: int = 1, size: int = 28) -> Classifier:
    """The classifier. `weights`: the path; `net`: cnn, small_cnn or a name of torchvision's.

    `net`, `classes`, `channels` and `size` are as in the training.
    """
    return nets.trained(net, weights, classes=classes, channels=channels, size=size)
