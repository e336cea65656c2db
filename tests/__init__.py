"""Tests of all tiers."""
