"""The ``course`` command: examine the machine, get data, hand out and grade exercises."""
