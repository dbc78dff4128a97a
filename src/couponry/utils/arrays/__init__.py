"""Large and ragged arrays: where they are kept, memory-mapped, derived from others, cut into blocks, and indexed."""
