"""The kernels of exchanges: two or three customers' moves that fit into a row's residual capacity together."""
