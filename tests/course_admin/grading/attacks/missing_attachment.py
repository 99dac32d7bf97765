# Tries: to show an image whose attachment is missing, on which nbconvert fails.
# Expect: double 2, largest 2
# %% why
# ![an image that was pasted](attachment:image.png)
