"""What takes too long for a lesson; each experiment runs alone, with ``--help``, and can go on."""
