"""What was measured beforehand, because it takes too long for a lesson, and what it advises."""
