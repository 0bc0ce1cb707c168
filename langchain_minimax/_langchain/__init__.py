"""The seam between LangChain and our own two vocabularies."""

PROVIDER = "minimax"
"""What LangChain calls us: who wrote a message, and how to read it."""
