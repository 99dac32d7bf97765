# Tries: to get the thread lost that watches memory and time, in deeply nested folders.
# Expect: double 2, largest 2
# Never: FOUND
# %%
import os

from ipykernel.connect import get_connection_file

os.chdir(os.path.dirname(get_connection_file()))
for _ in range(1500):
    os.mkdir("d")
    os.chdir("d")
print("FOUND a place to write to")
