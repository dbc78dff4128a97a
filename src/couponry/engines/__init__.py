"""Engines: where passes over candidates run. One protocol, prices in and usage out, and its implementations."""
