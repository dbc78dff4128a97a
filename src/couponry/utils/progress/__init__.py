"""How work in progress is watched: events, who is told of them, and the token that cancels it."""
