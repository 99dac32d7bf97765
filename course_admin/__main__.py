"""``python -m course_admin`` is the ``course`` command."""

import sys

from course_admin.cli import main

sys.exit(main())
