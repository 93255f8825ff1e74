"""Where the user made an object: what Brian2 says in its errors and warnings."""

from __future__ import annotations

import os
import re

from brian2.core.base import BrianObject

HERE = f"  File '{os.path.dirname(__file__)}{os.sep}"


def point_to_user(made: BrianObject) -> None:
    """Leave the frames of this package out of what Brian2 tells of an object and of those that it contains.

    Brian2 leaves out its own, so that "Object was created here" shows a line of the user's.
    """
    frames = [frame for frame in re.split(r"\n(?=  File ')", made._full_creation_stack) if HERE not in frame]
    made._creation_stack = frames[-1]
    made._full_creation_stack = "\n".join(frames)
    for contained in made.contained_objects:
        point_to_user(contained)
