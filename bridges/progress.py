"""How long work says where it is."""

from collections.abc import Callable

Progress = Callable[[str, float, str], None]
"""Called with the stage, how much of it is done (0 to 1), and a message."""
