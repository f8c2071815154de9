"""Recipes and small trained networks."""
