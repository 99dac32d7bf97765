"""What works behind the modules that lessons import; no lesson needs to read it."""
