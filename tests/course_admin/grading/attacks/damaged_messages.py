# Tries: to send the grader something that is not a Jupyter message.
# Expect: double review, largest review
# Reason: not a Jupyter message
# %%
from IPython import get_ipython

kernel = get_ipython().kernel
kernel.session.key = b"another key"
print("signed with another key")
