"""Tool handlers, one module a domain; see ../README.md."""
