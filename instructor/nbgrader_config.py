"""The course as nbgrader sees it; `course release`, `course grade` and `nbgrader` read this file.

Run `nbgrader` and, to mark by hand, `jupyter lab` in this folder. COURSE_GRADED names the folder
that `course grade` filled; COURSE_GRADEBOOK the gradebook's URL, where it is not in that folder.
"""

import os
from pathlib import Path

c = get_config()  # noqa: F821 - nbgrader hands it in

HERE = Path(__file__).resolve().parent
STUB = '# YOUR CODE HERE\nraise NotImplementedError("Replace this line with your answer.")'

c.CourseDirectory.course_id = "image_transfer_learning"
c.CourseDirectory.root = str(HERE)
c.ClearSolutions.code_stub = {"python": STUB}
c.ClearSolutions.text_stub = "YOUR ANSWER HERE"

if graded := os.environ.get("COURSE_GRADED"):
    folder = Path(graded).expanduser().resolve()
    from course_admin.grading.formgrader import configure

    # The formgrader shows what learners wrote, in the browser of whoever marks it
    configure(c)
    c.CourseDirectory.root = str(folder)
    # It lists what has a source
    c.CourseDirectory.source_directory = str(HERE / "source")
    c.Exchange.root = str(folder / ".work" / "exchange")
    c.CourseDirectory.db_url = f"sqlite:///{folder / 'gradebook.db'}"
if gradebook := os.environ.get("COURSE_GRADEBOOK"):
    c.CourseDirectory.db_url = gradebook
