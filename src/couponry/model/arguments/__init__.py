"""Checks of what rules and limits are given, whatever the campaign."""
