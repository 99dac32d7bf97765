# Tries: to show a picture that is attached to nothing, at which the page's maker stops.
# Expect: double 2, largest 2
# %% why
# ![a picture that was pasted](attachment:image.png)
