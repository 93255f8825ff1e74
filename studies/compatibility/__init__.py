"""One script on every backend: what each can do, and whether the answers agree."""
