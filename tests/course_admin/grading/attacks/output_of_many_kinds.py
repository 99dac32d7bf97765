# Tries: to fill the notebook with small outputs that are not text.
# Expect: double any, largest any
# %%
from IPython.display import HTML, display

for number in range(100_000):
    display(HTML(f"<b>{number}</b>"))
