"""Programs that show onemq at work. Each folder stands by itself: take it out, and `python -m FOLDER` runs it."""
