"""Questions from outside the pages: SQL, and tools for language models (MCP)."""
