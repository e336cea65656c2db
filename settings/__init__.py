"""Settings of one network: model, stack file, cross-checks and the editor's schema."""
