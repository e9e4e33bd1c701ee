"""A walk: a device is commissioned step by step, from the first look at its label to its report. Pure."""
