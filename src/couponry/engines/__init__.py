"""Where passes run. One protocol, prices in and usage out; `local` runs it on this machine's cores."""
