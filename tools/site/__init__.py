"""The documentation's site: what MkDocs adds to the pages of docs/."""
