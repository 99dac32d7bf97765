# Tries: to answer with objects that are equal to everything.
# Expect: double 0, largest 0
# %%
class Everything(np.ndarray):
    def __eq__(self, other):
        return True

    def __array_ufunc__(self, *args, **kwargs):
        return True


class Chameleon:
    def __eq__(self, other):
        return True

    def __getattr__(self, name):
        return lambda *args, **kwargs: True
# %% double
def double(values):
    return values.view(Everything)
# %% largest
def largest(values):
    return Chameleon()
