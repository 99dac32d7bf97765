# Tries: to send answers and "I am done" all the time, hoping that one is accepted.
# Expect: double nothing, largest any
# %%
import json
import threading
import time

from IPython.display import publish_display_data

from course_checks.protocol import encode
from course_admin.grading import agent


def forge():
    while True:
        publish_display_data({agent.MIME: json.dumps({"answer": encode(np.zeros(50))})})
        time.sleep(0.01)


threading.Thread(target=forge, daemon=True).start()
# %% double
def double(values):
    return 0 * values
