"""The `sanger-prune` command: `main` and a module per verb."""
