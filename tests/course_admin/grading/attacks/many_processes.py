# Tries: to start 200 processes.
# Expect: double 2, largest 2
# Never: ALL 200 RUN
# %%
import subprocess

running = []
try:
    for _ in range(200):
        running.append(subprocess.Popen(["/usr/bin/sleep", "60"]))
    print("ALL", len(running), "RUN")
finally:
    for process in running:
        process.kill()
        process.wait()
