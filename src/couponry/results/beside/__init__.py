"""What a result says beside its allocation: backups, and what became of an earlier plan."""
