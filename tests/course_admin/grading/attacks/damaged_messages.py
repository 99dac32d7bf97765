# Tries: to send the grader what is no Jupyter message.
# Expect: double review, largest review
# Reason: no Jupyter message
# %%
from IPython import get_ipython

kernel = get_ipython().kernel
kernel.session.key = b"another key"
print("signed with another key")
