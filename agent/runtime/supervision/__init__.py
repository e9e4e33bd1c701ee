"""Threads, health, the watchdog and the security log: whether the agent itself works."""
