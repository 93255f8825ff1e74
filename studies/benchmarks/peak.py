"""Run a command and write the most memory that it held, in kB, to a file: ``python peak.py FILE COMMAND...``."""

import resource
import subprocess
import sys
from pathlib import Path


def main(file: str, *command: str) -> int:
    """Run the command; return its exit status."""
    status = subprocess.call(command)
    Path(file).write_text(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
