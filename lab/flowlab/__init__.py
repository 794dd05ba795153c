"""The lab: hosts in network namespaces, each with its own clock, and what happened on them."""
