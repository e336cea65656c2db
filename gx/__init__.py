"""The vocabulary, the Plan and the checks of gx-infra: plain Python that registers no resource."""
