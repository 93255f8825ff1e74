"""What the compiler answered is kept: Brian2 asks it about each flag, with a compilation, in each process."""

from __future__ import annotations

import json
import os

from brian2.codegen import cpp_prefs

from astrobrian.standalone import programs


def recall() -> None:
    """Tell Brian2 what the compiler has answered in other processes."""
    if programs.compiler() and (kept := programs.fetch(_key())):
        answers = json.loads(kept)
        cpp_prefs._compiler_flag_compatibility.update({(c, flag): has for c, flag, has in answers["flags"]})
        cpp_prefs._compiler_supports_c99 = answers["c99"]


def remember() -> None:
    """Keep what the compiler has answered in this process."""
    flags = [[*asked, has] for asked, has in sorted(cpp_prefs._compiler_flag_compatibility.items())]
    answers = {"flags": flags, "c99": cpp_prefs._compiler_supports_c99}
    if programs.compiler():
        programs.keep(_key(), json.dumps(answers).encode())


def _key() -> str:
    return programs.key([b"answers", os.environ.get("CC", "").encode()])
