"""Backups of a result: read beside the blocks of customers that are examined, and checked."""
