"""Keeps docs/contract/ and the tables of docs/contract.md as the models say."""
