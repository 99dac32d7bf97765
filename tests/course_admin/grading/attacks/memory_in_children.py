# Tries: to spread its memory over processes that each use little.
# Expect: double review, largest review
# Reason: MB of memory
# %%
import subprocess
import sys
import time

code = "import time; x = bytearray(b'x' * (100 << 20)); time.sleep(60)"
children = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(20)]
time.sleep(60)
