"""What developers alone run: demo, bench, model building, a simulated clock. In no package."""
