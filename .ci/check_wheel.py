"""Compare a wheel with the tracked files: a subpackage missing from setup.cfg is left out of it without a word."""

import subprocess
import sys
import zipfile

INTO = {"astrobrian": "astrobrian"} | {
    part: f"astrobrian/{part}" for part in ("equations", "bridges", "studies")
}
tracked = subprocess.check_output(["git", "ls-files", *INTO], text=True).split()
want = {f"{INTO[folder]}/{rest}" for folder, _, rest in (name.partition("/") for name in tracked)}
have = {name for name in zipfile.ZipFile(sys.argv[1]).namelist() if ".dist-info/" not in name}
for verdict, names in (("missing", want - have), ("extra", have - want)):
    for name in sorted(names):
        print(verdict, name)
sys.exit(want != have)
