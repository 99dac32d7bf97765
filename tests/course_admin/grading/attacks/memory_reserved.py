# Tries: to allocate 50 GB at once, which Python refuses.
# Expect: double 2, largest 2
# %%
everything = bytearray(50 << 30)
