"""What a hostile file would do."""

import os


class Harm:
    """What unpickles into a call."""

    def __reduce__(self):
        return os.system, ("touch harmed",)
