# Tries: to send messages about a list instead of a request.
# Expect: double review, largest review
# Reason: not a Jupyter message
# %%
session = get_ipython().kernel.session
serialize = session.serialize
session.serialize = lambda message, *rest: serialize({**message, "parent_header": [1]}, *rest)
print("about a list")
