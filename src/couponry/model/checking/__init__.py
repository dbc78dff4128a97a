"""What a campaign says that its user may not have meant: errors, warnings and notes, before anything is solved."""
