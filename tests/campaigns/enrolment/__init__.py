"""Cuts of enrolment and renewal."""
