"""The core's end of uploads: which segment goes next, to where, and what the centre hears of it."""
