"""Time and memory of the stages, beside what they are compared with."""
