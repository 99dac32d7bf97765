# Tries: to take 50 GB at once; Python says no.
# Expect: double 2, largest 2
# %%
everything = bytearray(50 << 30)
