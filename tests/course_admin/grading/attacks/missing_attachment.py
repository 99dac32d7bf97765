# Tries: to show an image that is attached to nothing, at which the page's maker stops.
# Expect: double 2, largest 2
# %% why
# ![an image that was pasted](attachment:image.png)
