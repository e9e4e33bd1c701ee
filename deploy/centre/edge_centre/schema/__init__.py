"""Writes the contract down for others: JSON Schemas, an AsyncAPI document, TypeScript types and a page.

All of it comes from the models and tables of `agent.contract`. The agent itself imports nothing of this.
"""
