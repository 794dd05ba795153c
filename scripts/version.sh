#!/bin/sh
# Prints the version of what is checked out: the tag it carries, or how far behind
# which tag it is; VERSION says it where there is no history.
echo "${VERSION:-$(git describe --tags --always --dirty --abbrev=12 2>/dev/null || echo unknown)}"
