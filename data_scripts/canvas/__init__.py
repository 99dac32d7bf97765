"""What both data sets are drawn with: pictures, backgrounds, solid bodies."""
