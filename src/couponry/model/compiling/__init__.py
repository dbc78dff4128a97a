"""Rules and limits compiled to what kernels and solver take, and the columns that they sum packed."""
