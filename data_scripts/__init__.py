"""What makes or fetches the course's data; each script runs alone, with ``--help``."""
