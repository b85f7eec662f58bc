"""ACE-Step 1.5 as an engine."""
