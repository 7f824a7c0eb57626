"""The page of a run: one file with its tables, figures and maps, and how each number was made."""
