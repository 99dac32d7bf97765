# Tries: to find the hidden tests, solutions or what others handed in.
# Expect: double 2, largest 2
# Never: FOUND
# %%
import os
from pathlib import Path

secret = "a secret of the " + "hidden tests"
skipped = ("/proc", "/sys", "/usr", "/dev")


def search(start):
    for place, folders, names in os.walk(start):
        if place.startswith(skipped) or "site-packages" in folders:
            folders.clear()
        for name in names:
            path = Path(place, name)
            if name.endswith((".ipynb", ".json", ".db", ".csv")) and path.is_file():
                try:
                    if secret in path.read_text(errors="replace") or name == "gradebook.db":
                        return f"FOUND {path}"
                except OSError:
                    continue


print(search("/tmp") or search("/"))
