"""Passes on a cluster: candidates in shards, tasks that anybody may run again, and an engine that asks for them.

runner.py       who runs tasks: the protocol, and what is the same for all
work.py         what a worker does with a task that it is sent, and what comes back
in_process.py   runners of this machine: one process, and a pool of processes
"""
