# Tries: to change the code that the grader sends, so that it prints full points instead.
# Expect: double 0, largest 0
# %%
from IPython import get_ipython

get_ipython().input_transformers_post.append(lambda lines: ["2.0\n"])
# %% double
def double(values):
    return 0 * values
