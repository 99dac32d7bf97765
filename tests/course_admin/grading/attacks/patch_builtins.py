# Tries: to make everything equal and every comparison true.
# Expect: double nothing, largest any
# %%
import builtins

np.allclose = np.array_equal = np.isclose = lambda *args, **kwargs: True
builtins.all = builtins.any = builtins.isinstance = lambda *args, **kwargs: True
# %%
import importlib

importlib.reload(builtins)
# %% double
def double(values):
    return 0 * values
