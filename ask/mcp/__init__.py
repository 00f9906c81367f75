"""Tools for language models over MCP: small answers with the caveats that have to be passed on. Reading only."""
