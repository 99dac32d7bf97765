"""Learning platforms: what they call people and files, and the tables that take grades back."""
