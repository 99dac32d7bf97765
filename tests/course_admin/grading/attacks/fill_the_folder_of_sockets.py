# Tries: to fill the one folder that is shared with the grader.
# Expect: double any, largest any
# %%
import time
from pathlib import Path

from ipykernel.connect import get_connection_file

folder = Path(get_connection_file()).parent
for number in range(200):
    (folder / str(number)).write_bytes(b"x" * (1 << 20))
time.sleep(60)
