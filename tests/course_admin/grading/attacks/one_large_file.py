# Tries: to write one file of a gigabyte.
# Expect: double any, largest any
# Never: WROTE A GIGABYTE
# %%
with open("/tmp/large", "wb") as file:
    for _ in range(1 << 10):
        file.write(b"x" * (1 << 20))
print("WROTE", "A GIGABYTE")
