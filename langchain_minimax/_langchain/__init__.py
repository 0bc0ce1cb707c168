"""The seam between LangChain and our own two vocabularies."""
