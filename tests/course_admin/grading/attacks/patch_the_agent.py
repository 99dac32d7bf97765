# Tries: to answer in place of the grader's agent, with something that is not data.
# Expect: double 0, largest 0
# Never: FOUND
# %%
import base64
import io
import json
import pickle

from IPython.display import publish_display_data

from course_admin.grading import agent


class Payload:
    def __reduce__(self):
        import os

        return os.system, ("touch /tmp/left_behind_by_an_attack",)


def reply(request):
    file = io.BytesIO()
    np.save(file, np.array([Payload()], dtype=object), allow_pickle=True)
    pickled = base64.b64encode(file.getvalue()).decode()
    name = json.loads(request)["function"]
    plain = base64.b64encode(pickle.dumps(Payload())).decode()
    publish_display_data(
        {agent.MIME: json.dumps({"answer": json.dumps({"npy": pickled if name == "double" else plain})})}
    )


agent.reply = reply
